"""Fitting of the packaged static encoder: `python -m tools.static_encoder --help`."""
