"""Recommendation of items: rankers, retrieval within clusters, and policies that mix familiar and novel items."""
