"""The job `cluster`."""
