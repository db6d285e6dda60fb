"""What all jobs share: command line, inputs, running, committing."""
