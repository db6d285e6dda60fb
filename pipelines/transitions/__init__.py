"""The job `transitions`."""
