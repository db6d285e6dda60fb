"""Sources of the next novel cluster, compared on a later period."""
