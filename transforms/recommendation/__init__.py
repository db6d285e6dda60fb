"""Recommendation of items: rankers of items, retrieval within clusters, and policies that mix familiar and novel items."""
