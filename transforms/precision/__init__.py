"""Data types of models, and linear layers with products of 8-bit integers. Independent of what the models are for."""
