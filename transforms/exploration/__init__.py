"""Exploration: the next cluster of items that is novel to a user, from transitions between clusters of all users."""
