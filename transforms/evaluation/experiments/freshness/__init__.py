"""Freshness: how successors of contexts change, and what a refresh of the table gains."""
