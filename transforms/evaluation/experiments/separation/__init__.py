"""Separation of mixed collections."""
