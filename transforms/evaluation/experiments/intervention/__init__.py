"""Experiment on intervention (DICE, 2006.11011): recommenders on a test set without popularity bias."""
