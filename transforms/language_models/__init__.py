"""Language models: loading them, and having them answer many questions. Knows nothing of journeys."""
