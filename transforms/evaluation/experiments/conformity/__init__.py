"""Experiment on conformity: popular items are injected into mixtures, and rules to remove them are compared."""
