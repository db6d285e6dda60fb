"""Experiment on orderings: which orderings of the papers the metrics of other experiments reproduce."""
