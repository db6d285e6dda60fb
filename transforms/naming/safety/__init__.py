"""Decide whether a name may be published: word lists, patterns, and an optional text classifier."""
