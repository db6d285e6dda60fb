"""Items -> their salient terms."""
