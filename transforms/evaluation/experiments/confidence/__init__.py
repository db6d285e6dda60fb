"""The confidence of journeys: its fit to mixtures of collections, and its calibration on other sources."""
