"""Intents of users: the probability that a user explores, and a latent intent."""
