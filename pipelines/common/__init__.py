"""Code of all jobs: command line, inputs, running, committing."""
