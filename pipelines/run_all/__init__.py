"""The job `run_all`: runs all stages from a log to recommendations, of which only those that are out of date."""
