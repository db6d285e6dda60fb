"""The jobs: one package for each."""

import logging


def _is_worth_showing(record: logging.LogRecord) -> bool:
    """All but what Beam says at every start where its extra for Google Cloud is not installed."""
    return not record.getMessage().startswith("apitools not found")


logging.getLogger().addFilter(_is_worth_showing)
