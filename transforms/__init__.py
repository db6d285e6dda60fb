"""How data changes. Imports `schemas`, never `pipelines`."""
