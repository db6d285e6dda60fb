"""The layouts of published logs: which files they have, and what their columns mean."""
