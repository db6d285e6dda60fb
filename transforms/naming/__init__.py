"""Names of journeys, independent of the implementation of language models."""
