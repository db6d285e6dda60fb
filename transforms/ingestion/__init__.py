"""Ingestion: files of logs and catalogues as their owners publish them, read as `interactions` and `items`."""
