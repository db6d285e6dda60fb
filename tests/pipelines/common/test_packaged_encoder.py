"""Whether the packaged encoder is for a catalogue, and the advice where it is not."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.common.models import unsuitable_for_packaged
from transforms.datasets.column_options import ColumnOptions
from transforms.datasets.files import resolve_source

NO_WORDS = ("the titles in a sample of --items have no words", "--item_columns=title=NAME")
NOT_ENGLISH = ("the packaged encoder, which is made for English, covers 0% of the words", "--encoder=use")


@pytest.mark.parametrize(
    ("titles", "expected"),
    [
        (["12345", "2024 - 7", "\N{BLACK STAR}"], NO_WORDS),
        ([" ", "", "-"], NO_WORDS),
        (["\u65e5\u672c\u6599\u7406", "\u5bff\u53f8"], NOT_ENGLISH),
        (["Garden compost", "Guitar lessons"], None),
    ],
)
def test_why_it_is_not_used(tmp_path: Path, titles: list[str], expected: tuple[str, str] | None) -> None:
    items = pa.table({"item_id": [f"i{number}" for number in range(len(titles))], "title": titles})
    pq.write_table(items, tmp_path / "items.parquet")
    found = unsuitable_for_packaged(resolve_source(str(tmp_path / "items.parquet")), ColumnOptions())
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert found.why.startswith(expected[0])
        assert expected[1] in found.advice
