"""The layouts of published logs, by the name of their format."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from transforms.ingestion.layout import Layout
from transforms.ingestion.layouts.amazon import AMAZON
from transforms.ingestion.layouts.kuairand import KUAIRAND
from transforms.ingestion.layouts.lastfm import LastfmItems, lastfm_layout
from transforms.ingestion.layouts.mind import MIND
from transforms.ingestion.layouts.movielens import MOVIELENS
from transforms.ingestion.layouts.retail import RETAIL

LAYOUTS: Mapping[str, Callable[[LastfmItems], Layout]] = {
    "movielens": lambda _: MOVIELENS,
    "mind": lambda _: MIND,
    "kuairand": lambda _: KUAIRAND,
    "amazon": lambda _: AMAZON,
    "lastfm": lastfm_layout,
    "retail": lambda _: RETAIL,
}
"""Functions of what the items of Last.fm are. A new layout is a module, and one line here."""
