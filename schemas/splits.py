"""The splits of data for training, and the column that contains them."""

import pyarrow as pa
import pyarrow.compute as pc

from schemas.dataset import Invariant

SPLITS = ("train", "validation", "test")
"""The purposes of rows, in increasing order of protection."""

SPLIT_EXISTS = Invariant(
    "split_unknown",
    "`split` is one of `train`, `validation` and `test`",
    lambda rows: pc.or_(pc.is_null(rows["split"]), pc.is_in(rows["split"], pa.array(SPLITS, pa.string()))),
)
