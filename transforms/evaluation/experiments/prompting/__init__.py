"""Experiment on prompting: whether journeys are extracted before a language model names them (2305.15498, RQ5)."""
