from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tools.queries import insert_rows

PAGE = """# Page

```sql
select user_id, terms, score from 'rows/*.parquet' order by user_id
```

| of | an | earlier run |
| --- | --- | --- |
| c |  | 1.0 |

After.

```sql
select count(*) as users from 'rows/*.parquet'
```

"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rows").mkdir()
    rows = {"user_id": ["b", "a"], "terms": [["x|y", "z"], []], "score": [0.12345, None]}
    pq.write_table(pa.table(rows), tmp_path / "rows" / "part-0.parquet")
    return tmp_path


def test_the_rows_of_each_query_stand_below_it(folder: Path) -> None:
    text = insert_rows(PAGE, folder)
    assert (
        "| user_id | terms | score |\n| --- | --- | --- |\n| a |  |  |\n| b | x&#124;y, z | 0.123 |\n\nAfter." in text
    )
    assert "| users |\n| --- |\n| 2 |\n" in text
    assert "earlier run" not in text
    assert insert_rows(text, folder) == text


def test_a_query_without_its_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(duckdb.Error, match="No files found"):
        insert_rows(PAGE, tmp_path)
