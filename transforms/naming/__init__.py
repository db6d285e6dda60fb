"""Journeys -> their names. Knows nothing of how a language model answers."""
