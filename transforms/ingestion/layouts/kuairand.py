"""KuaiRand: `log_standard_*.csv`, `log_random_*.csv` and `video_features_basic_*.csv`, of 27K, 1K or Pure.

An interaction is a row with `is_click` = 1, which in a feed of single videos means a valid play. The publication has no
titles: items have tags and creators, which are numbers.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.ingestion.layout import Delimited, FileLayout, Layout, Prepared


def keep_clicks(rows: pa.RecordBatch) -> Prepared:
    """Drop rows without a click."""
    is_clicked = pc.fill_null(pc.equal(rows["is_click"], "1"), fill_value=False)
    positions = pa.array(np.flatnonzero(is_clicked.to_numpy(zero_copy_only=False)))
    return Prepared(rows.take(positions), positions, {"not_clicked": rows.num_rows - len(positions)})


KUAIRAND = Layout(
    title="KuaiRand",
    files=(
        FileLayout(
            "interactions",
            r"log_(standard|random)_.*\.csv",
            Delimited(),
            {"user_id": "user_id", "item_id": "video_id", "timestamp": "time_ms", "dwell_seconds": "play_time_ms"},
            read=("user_id", "video_id", "time_ms", "is_click", "play_time_ms"),
            event="click",
            unit="ms",
            scales={"dwell_seconds": 1e-3},
            prepare=keep_clicks,
        ),
        FileLayout(
            "items",
            r"video_features_basic_.*\.csv",
            Delimited(),
            {"item_id": "video_id", "creator": "author_id", "tags": "tag"},
            tag_separator=",",
        ),
    ),
    reasons={"not_clicked": "videos that were shown and not clicked"},
)
