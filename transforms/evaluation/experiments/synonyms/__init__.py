"""Experiment on synonyms: clustering before and after key words of collections are replaced by synonyms."""
