"""The job `ingest`."""
