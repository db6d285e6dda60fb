"""Datasets: find, read, validate, dead-letter, count, write, commit."""
