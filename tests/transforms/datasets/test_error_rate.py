import pytest

from transforms.datasets.error_rate import DataError, ErrorRateCheck

LIMITS = ErrorRateCheck(("interactions", "items"), 0.1)
SOUND = {("interactions_read", ""): 100, ("items_read", ""): 10}


def test_opens_up_to_the_rate() -> None:
    LIMITS.check(SOUND)
    LIMITS.check(SOUND | {("interactions_invalid", "a"): 4, ("interactions_invalid", "b"): 6})
    ErrorRateCheck(("items",), 1.0).check({("items_read", ""): 1, ("items_invalid", "a"): 1})
    ErrorRateCheck(("items",), 0.0).check({("items_read", ""): 1})


@pytest.mark.parametrize(
    ("counts", "problems"),
    [
        (
            {("interactions_invalid", "a"): 4, ("interactions_invalid", "b"): 7},
            ["11 of 100 rows of interactions are invalid (4 x a, 7 x b), more than --max_error_rate=0.1 allows"],
        ),
        ({("items_read", ""): 0}, ["no row of items was read (its files have no rows)"]),
        (
            {("items_read", ""): 0, ("items_invalid", "not_parquet"): 2, ("interactions_invalid", "a"): 100},
            ["no row of items was read (2 x not_parquet)"],
        ),
        (
            {("items_invalid", "a"): 2, ("interactions_invalid", "b"): 20},
            [
                "20 of 100 rows of interactions are invalid (20 x b), more than --max_error_rate=0.1 allows",
                "2 of 10 rows of items are invalid (2 x a), more than --max_error_rate=0.1 allows",
            ],
        ),
        (
            {("items_invalid", "duplicate_item"): 2, ("items_invalid", "a"): 1},
            [
                (
                    "3 of 10 rows of items are invalid (1 x a, 2 x duplicate_item), more than --max_error_rate=0.1 "
                    "allows: the ids of a catalogue must be unique: keep one row per item, for instance that of one "
                    "language"
                ),
            ],
        ),
    ],
)
def test_closes_with_the_reasons(counts: dict[tuple[str, str], int], problems: list[str]) -> None:
    with pytest.raises(DataError) as refused:
        LIMITS.check(SOUND | counts)
    assert str(refused.value).split("; ") == [*problems, "nothing was committed"]


def test_an_input_that_was_not_counted_was_not_read() -> None:
    with pytest.raises(DataError, match=r"no row of interactions was read .*; no row of items was read"):
        LIMITS.check({})


def test_a_dataset_of_ours_must_be_whole() -> None:
    limits = ErrorRateCheck(("interactions", "items"), 1.0, must_be_intact=("histories",))
    limits.check(SOUND)
    with pytest.raises(DataError, match=r"^the stored histories are damaged \(1 x unreadable_row_group\); nothing was"):
        limits.check(SOUND | {("histories_invalid", "unreadable_row_group"): 1, ("items_invalid", "a"): 11})


def test_stored_rows_are_among_those_that_can_be_unusable() -> None:
    """An item that left the catalogue makes interactions of older logs unusable too."""
    stored = SOUND | {("interactions_stored", ""): 900, ("interactions_invalid", "item_not_in_catalogue"): 100}
    LIMITS.check(stored)
    with pytest.raises(DataError, match="101 of 1000 rows of interactions"):
        LIMITS.check(stored | {("interactions_invalid", "null_user_id"): 1})


@pytest.mark.parametrize(
    ("counts", "problem"),
    [
        (
            {("interactions_invalid", "missing_column"): 1, ("interactions_unread", "missing_column"): 100},
            "100 of 200 rows of interactions are invalid (100 x missing_column)",
        ),
        (
            {("interactions_invalid", "not_parquet"): 1, ("interactions_unread_bytes", "not_parquet"): 600},
            "150 of 250 rows of interactions are invalid (150 x not_parquet)",
        ),
        ({("interactions_invalid", "wrong_type"): 1, ("interactions_unread", "wrong_type"): 11}, ""),
        ({("interactions_invalid", "missing_column"): 90, ("interactions_unread", "missing_column"): 0}, ""),
    ],
)
def test_a_file_that_was_not_read_weighs_as_many_rows_as_it_has(
    counts: dict[tuple[str, str], int], problem: str
) -> None:
    limits = ErrorRateCheck(("interactions",), 0.1, sizes={"interactions": 1000})
    if not problem:
        limits.check(SOUND | counts)
        return
    with pytest.raises(DataError) as refused:
        limits.check(SOUND | counts)
    assert str(refused.value).startswith(problem)
