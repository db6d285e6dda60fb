"""Last.fm 1K: `userid-timestamp-artid-artname-traid-traname.tsv`, in which each row is a play.

The items are tracks, made by artists, or the artists themselves. An item without a MusicBrainz id is identified by its
name: a track by the names of artist and track.
"""

from __future__ import annotations

from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from transforms.ingestion.layout import Delimited, FileLayout, Layout, Prepared

LastfmItems = Literal["track", "artist"]
"""The kind of item."""

_NAMES = ("user_id", "timestamp", "artist_id", "artist_name", "track_id", "track_name")


def identify_tracks(rows: pa.RecordBatch) -> Prepared:
    """Add the id of the track: that of MusicBrainz, or else the names of artist and track."""
    names = pc.binary_join_element_wise(rows["artist_name"], rows["track_name"], " / ")
    return Prepared.all_of(rows.append_column("item_id", pc.coalesce(_not_blank(rows["track_id"]), names)))


def identify_artists(rows: pa.RecordBatch) -> Prepared:
    """Add the id of the artist: that of MusicBrainz, or else the name."""
    return Prepared.all_of(
        rows.append_column("item_id", pc.coalesce(_not_blank(rows["artist_id"]), rows["artist_name"]))
    )


def _not_blank(texts: pa.StringArray) -> pa.StringArray:
    """Replace texts of spaces by null."""
    return pc.if_else(pc.equal(pc.ascii_trim_whitespace(texts), ""), None, texts)


def lastfm_layout(items: LastfmItems) -> Layout:
    """Return the layout with tracks or artists as items."""
    is_track = items == "track"
    texts = {"title": "track_name", "creator": "artist_name"} if is_track else {"title": "artist_name"}
    return Layout(
        title="Last.fm 1K",
        files=(
            FileLayout(
                "interactions",
                r"userid-timestamp-artid-artname-traid-traname.*\.tsv",
                Delimited("\t", is_quoted=False, names=_NAMES),
                {"user_id": "user_id", "item_id": "item_id", "timestamp": "timestamp"},
                item_columns={"item_id": "item_id", **texts},
                read=_NAMES,
                event="play",
                prepare=identify_tracks if is_track else identify_artists,
            ),
        ),
    )
