"""Latent intent of users by a conditional variational autoencoder (2211.09832)."""
