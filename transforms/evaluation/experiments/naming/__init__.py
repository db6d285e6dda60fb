"""Experiment on naming: names of journeys against the names that people gave, by retrieval and by themselves."""
