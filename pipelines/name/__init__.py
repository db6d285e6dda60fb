"""The job `name`."""
