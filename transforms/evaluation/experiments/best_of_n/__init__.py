"""Best-of-n: novelty and satisfaction by the number of candidates that an alignment model chooses among."""
