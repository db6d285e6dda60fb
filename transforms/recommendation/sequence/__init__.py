"""The sequence recommender: a causal Transformer over items, its training, its folder, and its ranker."""
