"""Tuning of a language model on pairs of prompt and completion."""
