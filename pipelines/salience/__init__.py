"""The job `salience`."""
