"""Language models: loading, generation of completions on Beam, and tuning. Knows nothing of journeys and names."""
