"""Recommendation of items: the lookup table with a restricted recommender, and its rivals, on one log."""
