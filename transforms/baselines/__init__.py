"""Baselines of ICPC: other clusterings of a history or a catalogue."""
