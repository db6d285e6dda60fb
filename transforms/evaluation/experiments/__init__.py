"""The experiments, one module or package each."""
