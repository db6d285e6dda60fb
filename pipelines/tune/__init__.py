"""The job `tune`."""
