"""Amazon Reviews, as JSON lines: the publications of 2023 and of 2018.

Of 2023: `Category.jsonl` with `user_id`, `parent_asin`, `rating`, `timestamp` in milliseconds; `meta_Category.jsonl`.
Of 2018: `Category.json` or `Category_5.json` with `reviewerID`, `asin`, `overall`, `unixReviewTime` in seconds;
`meta_Category.json`. Which one it is follows from the fields of the first line, not from the name.
"""

from __future__ import annotations

import pyarrow as pa

from transforms.ingestion.layout import FileLayout, JsonLines, Layout

_REVIEWS = r"(?!meta_).*\.(jsonl|json)"
_METADATA = r"meta_.*\.(jsonl|json)"
_TEXTS = pa.list_(pa.string())

AMAZON = Layout(
    title="Amazon Reviews",
    files=(
        FileLayout(
            "interactions",
            _REVIEWS,
            JsonLines(
                {"user_id": pa.string(), "parent_asin": pa.string(), "timestamp": pa.int64(), "rating": pa.float64()}
            ),
            {"user_id": "user_id", "item_id": "parent_asin", "timestamp": "timestamp", "value": "rating"},
            variant="2023",
            event="review",
            unit="ms",
        ),
        FileLayout(
            "items",
            _METADATA,
            JsonLines(
                {
                    "parent_asin": pa.string(),
                    "title": pa.string(),
                    "description": _TEXTS,
                    "categories": _TEXTS,
                    "store": pa.string(),
                }
            ),
            {
                "item_id": "parent_asin",
                "title": "title",
                "description": "description",
                "tags": "categories",
                "creator": "store",
            },
            required=("parent_asin", "title"),
            variant="2023",
        ),
        FileLayout(
            "interactions",
            _REVIEWS,
            JsonLines(
                {"reviewerID": pa.string(), "asin": pa.string(), "unixReviewTime": pa.int64(), "overall": pa.float64()}
            ),
            {"user_id": "reviewerID", "item_id": "asin", "timestamp": "unixReviewTime", "value": "overall"},
            variant="2018",
            event="review",
            unit="s",
        ),
        FileLayout(
            "items",
            _METADATA,
            JsonLines(
                {
                    "asin": pa.string(),
                    "title": pa.string(),
                    "description": _TEXTS,
                    "category": _TEXTS,
                    "brand": pa.string(),
                }
            ),
            {
                "item_id": "asin",
                "title": "title",
                "description": "description",
                "tags": "category",
                "creator": "brand",
            },
            required=("asin", "title"),
            variant="2018",
        ),
    ),
)
