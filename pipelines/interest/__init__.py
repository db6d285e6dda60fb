"""The job `interest`."""
