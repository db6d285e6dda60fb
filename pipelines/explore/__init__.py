"""The job `explore`."""
