"""Rivals of the lookup table with a restricted recommender."""
