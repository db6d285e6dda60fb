"""The job `naming_examples`."""
