"""Interactions and salient terms -> the journeys of each user."""
