"""The experiments: how well journeys are found and named, measured on what people put together themselves."""
