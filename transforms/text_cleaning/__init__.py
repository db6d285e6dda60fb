"""Cleaning of texts when they are read: the only place that knows entities, markup and placeholders."""
