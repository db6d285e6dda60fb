"""MIND, the news of Microsoft: `behaviors.tsv` and `news.tsv`, of the training and the validation set.

An interaction is a clicked entry of an impression (`N123-1`), at the time of the impression. The earlier clicks of the
column `history` have no times, and entries without a click or a label are no interactions: both are counted.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from transforms.ingestion.layout import Delimited, FileLayout, Layout, Prepared

_LABEL = r"-[01]$"
_TAG_SEPARATOR = "\x1f"


def explode_clicks(rows: pa.RecordBatch) -> Prepared:
    """Convert impressions to one row for each clicked entry.

    Args:
        rows: the columns `user_id`, `time`, `history` and `impressions`, the last two with spaces between ids.
    """
    shown = pc.split_pattern(pc.fill_null(rows["impressions"], ""), " ")
    entries, owners = shown.flatten(), pc.list_parent_indices(shown)
    is_clicked = pc.ends_with(entries, "-1")
    is_labelled = pc.match_substring_regex(entries, _LABEL)
    positions = owners.filter(is_clicked).cast(pa.int64())
    clicks = rows.select(["user_id", "time"]).take(positions)
    items = pc.replace_substring_regex(entries.filter(is_clicked), _LABEL, "")
    dropped = {
        "not_clicked": _count(pc.and_not(is_labelled, is_clicked)),
        "without_label": _count(pc.and_(pc.invert(is_labelled), pc.not_equal(entries, ""))),
        "in_history": _count(pc.not_equal(pc.split_pattern(pc.fill_null(rows["history"], ""), " ").flatten(), "")),
    }
    return Prepared(clicks.append_column("news_id", items), positions, dropped)


def _count(holds: pa.BooleanArray) -> int:
    return int(pc.sum(holds).as_py() or 0)


def join_categories(rows: pa.RecordBatch) -> Prepared:
    """Join category and subcategory to one text of tags."""
    tags = pc.binary_join_element_wise(rows["category"], rows["subcategory"], _TAG_SEPARATOR, null_handling="replace")
    return Prepared.all_of(rows.select(["news_id", "title", "abstract"]).append_column("tags", tags))


MIND = Layout(
    title="MIND",
    files=(
        FileLayout(
            "interactions",
            r"behaviors\.tsv",
            Delimited("\t", is_quoted=False, names=("impression_id", "user_id", "time", "history", "impressions")),
            {"user_id": "user_id", "item_id": "news_id", "timestamp": "time"},
            read=("user_id", "time", "history", "impressions"),
            event="click",
            date_order="month_first",
            prepare=explode_clicks,
        ),
        FileLayout(
            "items",
            r"news\.tsv",
            Delimited(
                "\t",
                is_quoted=False,
                names=(
                    "news_id",
                    "category",
                    "subcategory",
                    "title",
                    "abstract",
                    "url",
                    "title_entities",
                    "abstract_entities",
                ),
            ),
            {"item_id": "news_id", "title": "title", "description": "abstract", "tags": "tags"},
            read=("news_id", "category", "subcategory", "title", "abstract"),
            tag_separator=_TAG_SEPARATOR,
            prepare=join_categories,
        ),
    ),
    reasons={
        "not_clicked": "entries of impressions without a click",
        "without_label": "entries of impressions without a label",
        "in_history": "earlier clicks, which have no times (column history)",
    },
)
