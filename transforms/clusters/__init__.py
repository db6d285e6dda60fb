"""Topical tree of the catalogue: items -> nested clusters, balanced by traffic, each with a unique description."""
