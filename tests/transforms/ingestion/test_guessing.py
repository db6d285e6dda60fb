"""The guess at columns, by names and by values; what is ambiguous or impossible is an error with the columns."""

import numpy as np
import pyarrow as pa
import pytest

from transforms.ingestion.guessing import GuessError, guess_catalogue, guess_log

ROWS = 400
CHANCE = np.random.default_rng(3)
USERS = CHANCE.integers(0, 40, ROWS)
ITEMS = CHANCE.integers(0, 25, ROWS)
SECONDS = 1_600_000_000 + CHANCE.integers(0, 10_000_000, ROWS)


def log(**columns: list[object] | pa.Array) -> pa.RecordBatch:
    """Rows of text, as CSV is read."""
    arrays = {
        name: values if isinstance(values, pa.Array) else pa.array(map(str, values)) for name, values in columns.items()
    }
    return pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))


TITLES = [f"Red kettle number {item} of copper" for item in ITEMS]


def test_usual_names() -> None:
    sample = log(
        visitorId=USERS,
        productID=ITEMS,
        unixTime=SECONDS,
        eventType=["view" if row % 3 else "buy" for row in range(ROWS)],
        rating=CHANCE.integers(1, 6, ROWS),
        headline=TITLES,
        genres=["a|b" if row % 2 else "c" for row in range(ROWS)],
        brand=["Acme"] * ROWS,
    )
    guess = guess_log(sample, {})
    assert guess.columns == {
        "timestamp": "unixTime",
        "user_id": "visitorId",
        "item_id": "productID",
        "event": "eventType",
        "value": "rating",
        "title": "headline",
        "tags": "genres",
        "creator": "brand",
    }
    assert guess.tag_separator == "|"
    assert guess.proposals["title"].examples[0] == TITLES[0]


def test_the_words_of_a_name_count_unless_they_fit_several_columns() -> None:
    sample = log(click_time=SECONDS, author_steamid=USERS, parent_product_code=ITEMS, prod_name=TITLES)
    assert guess_log(sample, {}).columns == {
        "timestamp": "click_time",
        "user_id": "author_steamid",
        "item_id": "parent_product_code",
        "title": "prod_name",
    }
    prices = log(user_a_id=USERS, customer_b_id=USERS, item=ITEMS, time=SECONDS)
    with pytest.raises(GuessError, match="'user_a_id' or 'customer_b_id' could be user_id"):
        guess_log(prices, {})


def test_values_decide_where_no_name_is_usual() -> None:
    sample = log(
        order=[100_000 + row // 2 for row in range(ROWS)],
        code=[f"K{item}" for item in ITEMS],
        text=TITLES,
        moment=[f"{1 + row % 12}/{1 + row % 28}/2011 8:{row % 60:02}" for row in range(ROWS)],
        who=USERS,
    )
    with pytest.raises(GuessError, match="'order' or 'who' could be user_id"):
        guess_log(sample, {})
    found = guess_log(sample.select(["code", "text", "moment", "who"]), {})
    assert found.columns == {"timestamp": "moment", "user_id": "who", "item_id": "code", "title": "text"}
    assert found.date_order == "month_first"


def test_a_column_named_like_items_is_the_title_where_other_ids_have_one_each() -> None:
    sample = log(loaned=SECONDS, borrower=USERS, barcode=[f"B{item}" for item in ITEMS], book=TITLES)
    expected = {"timestamp": "loaned", "user_id": "borrower", "item_id": "barcode", "title": "book"}
    assert guess_log(sample, {}).columns == expected
    assert guess_log(sample, {"item_id": "book", "user_id": "borrower"}).columns["item_id"] == "book"
    assert guess_log(sample.select(["loaned", "borrower", "book"]), {}).columns["item_id"] == "book"


def test_a_column_with_one_value_is_no_title() -> None:
    sample = log(InvoiceDate=SECONDS, CustomerID=USERS, StockCode=[f"K{item}" for item in ITEMS], Text=TITLES)
    country = log(Country=["United Kingdom"] * ROWS)
    with_country = pa.RecordBatch.from_arrays([*sample.columns, *country.columns], [*sample.schema.names, "Country"])
    assert guess_log(with_country, {}).columns == guess_log(sample, {}).columns
    assert guess_log(with_country, {}).columns["title"] == "Text"


def test_a_given_column_is_kept_and_a_missing_one_stays_missing() -> None:
    sample = log(user=USERS, item=ITEMS, other=USERS, time=SECONDS, rating=["5"] * ROWS)
    found = guess_log(sample, {"user_id": "other", "value": ""})
    assert found.columns == {"timestamp": "time", "user_id": "other", "item_id": "item"}
    with pytest.raises(GuessError, match="no column 'x'; the file has user, item, other, time, rating"):
        guess_log(sample, {"user_id": "x"})


WRONG_NAMES = {
    "no time": (["user", "item", "", ""], "no column looks like timestamp; give it: --columns=timestamp=NAME"),
    "no user": (
        ["", "item", "time", "rest"],
        "no column looks like user_id; give it: --columns=user_id=NAME,timestamp=time,item_id=item",
    ),
    "two times": (["user", "item", "a", "b"], "'a' or 'b' could be timestamp"),
    "two users": (["User ID", "user_id", "time", "rest"], "'User ID' or 'user_id' could be user_id"),
}
"""Names of the columns of a log, empty where there is none, and the message."""


@pytest.mark.parametrize("case", WRONG_NAMES)
def test_what_is_missing_or_ambiguous_is_an_error(case: str) -> None:
    names, message = WRONG_NAMES[case]
    columns = zip(names, (USERS, ITEMS, SECONDS, SECONDS + 1), strict=True)
    with pytest.raises(GuessError, match=f"{message}.*the file has "):
        guess_log(log(**{name: values for name, values in columns if name}), {})


def test_a_column_that_is_only_named_as_a_time_is_none() -> None:
    sample = log(user=USERS, item=ITEMS, time=["noon"] * ROWS)
    with pytest.raises(GuessError, match="the values of column 'time', such as 'noon', are no times"):
        guess_log(sample, {})
    digits = log(user=USERS, item=ITEMS, time=[20240101 + row % 28 for row in range(ROWS)])
    with pytest.raises(GuessError, match="--timestamp_unit=yyyymmdd"):
        guess_log(digits, {})
    assert guess_log(digits, {}, "yyyymmdd").columns["timestamp"] == "time"


def test_dates_that_fit_both_orders_need_an_option() -> None:
    sample = log(user=USERS, item=ITEMS, date=["01/02/2019"] * ROWS)
    with pytest.raises(GuessError, match="--date_order=month_first"):
        guess_log(sample, {})
    assert guess_log(sample, {}, date_order="day_first").date_order == "day_first"


def test_row_ids_and_measures_are_no_ids() -> None:
    sample = log(row=range(ROWS), user=USERS, price=[f"{item}.5" for item in ITEMS], sku2=ITEMS, time=SECONDS)
    assert guess_log(sample, {}).columns == {
        "timestamp": "time",
        "user_id": "user",
        "item_id": "sku2",
        "value": "price",
    }


def test_a_usual_name_counts_although_some_rows_have_no_user() -> None:
    customers = pa.array([None if row % 4 == 0 else str(user) for row, user in enumerate(USERS)])
    sample = log(order=[row // 2 for row in range(ROWS)], customer_id=customers, item=ITEMS, time=SECONDS)
    assert guess_log(sample, {}).columns["user_id"] == "customer_id"
    with pytest.raises(GuessError, match="no column looks like user_id"):
        guess_log(log(code=customers, item=ITEMS, time=SECONDS), {})


def test_typed_columns() -> None:
    sample = log(
        user=pa.array(USERS),
        item=pa.array(ITEMS),
        at=pa.array(SECONDS * 10**6).cast(pa.timestamp("us")),
        tags=pa.array([["a", "b"]] * ROWS),
    )
    found = guess_log(sample, {})
    assert found.columns == {"timestamp": "at", "user_id": "user", "item_id": "item", "tags": "tags"}
    assert found.tag_separator == ""


def test_a_catalogue() -> None:
    sample = log(key=range(50), caption=[f"Long words of {row} things" for row in range(50)], shelf=["x"] * 50)
    assert guess_catalogue(sample, {}).columns == {"item_id": "key", "title": "caption"}
    named = log(asin=range(50), name=["One"] * 50, category=["x, y"] * 50, summary=["s"] * 50, store=["z"] * 50)
    found = guess_catalogue(named, {})
    assert found.columns == {
        "item_id": "asin",
        "title": "name",
        "description": "summary",
        "tags": "category",
        "creator": "store",
    }
    assert found.tag_separator == ","
    with pytest.raises(GuessError, match="no column looks like title"):
        guess_catalogue(log(asin=range(50), price=range(50)), {})


@pytest.mark.parametrize("name", ["Unnamed: 0", "__index_level_0__"])
def test_numbers_of_rows_are_no_ids(name: str) -> None:
    sample = log(code=[f"K{item}" for item in ITEMS], text=TITLES, moment=SECONDS, who=USERS)
    numbers = log(**{name: list(range(ROWS))})
    numbered = pa.RecordBatch.from_arrays([*numbers.columns, *sample.columns], [name, *sample.schema.names])
    assert guess_log(numbered, {}).columns == guess_log(sample, {}).columns
    catalogue = log(**{name: list(range(40)), "sku": [f"K{row}" for row in range(40)], "title": TITLES[:40]})
    assert guess_catalogue(catalogue, {}).columns == {"item_id": "sku", "title": "title"}


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("user_id", pa.array([{"id": "u"}] * ROWS), "column 'user_id' is struct<id: string>, which cannot be read"),
        ("userId", pa.array([None] * ROWS, pa.string()), "column 'userId' has values in 0% of the rows"),
        ("item_id", pa.array([["a", "b"]] * ROWS), "column 'item_id' is list<item: string>"),
        ("timestamp", pa.array(["soon"] * ROWS), "the values of column 'timestamp', such as 'soon', are no times"),
    ],
)
def test_a_column_of_a_required_name_that_cannot_be_read_is_not_replaced(
    name: str, values: pa.Array, message: str
) -> None:
    others = {"other_time": SECONDS, "buyer": USERS, "sku": [f"K{item}" for item in ITEMS], "title": TITLES}
    sample = log(**{name: values, "dwell_seconds": [row % 50 for row in range(ROWS)], **others})
    with pytest.raises(GuessError, match=message):
        guess_log(sample, {})


def test_measures_are_no_users() -> None:
    sample = log(timestamp=SECONDS, item_id=ITEMS, title=TITLES, dwell_seconds=[row % 50 for row in range(ROWS)])
    with pytest.raises(GuessError, match="no column looks like user_id"):
        guess_log(sample, {})


@pytest.mark.parametrize("text", ['["Hobbies", "x"]', "[{'id': 18, 'name': 'Drama'}]", '{"a": 1}'])
def test_lists_in_texts_are_no_tags(text: str) -> None:
    sample = log(item_id=range(30), title=TITLES[:30], genres=[text] * 30)
    assert "tags" not in guess_catalogue(sample, {}).columns


def test_options_with_spaces_are_quoted() -> None:
    sample = log(**{"Event time": SECONDS, "Item ID": ITEMS, "Title": TITLES, "one": USERS, "two": USERS})
    with pytest.raises(
        GuessError, match=r"give it: '--columns=user_id=NAME,timestamp=Event time,.*Item ID.*'; the file"
    ):
        guess_log(sample, {})
