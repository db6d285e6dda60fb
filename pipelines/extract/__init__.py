"""The job `extract`."""
