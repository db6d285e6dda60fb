"""Transformations of datasets. Imports `schemas`, never `pipelines`."""
