"""Boilerplate of titles: what stands in many of them and says nothing, such as `(Official Video)` or `S02E08`."""
