"""Encoders of texts into vectors of unit length. Independent of journeys, names and clusters."""
