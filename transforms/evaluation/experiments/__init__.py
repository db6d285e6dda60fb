"""The experiments that `evaluate` runs, one module or package each."""
