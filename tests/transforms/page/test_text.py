import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.page.text import (
    compact_number,
    exact_number,
    format_decimal,
    format_number,
    shorten,
    text_width,
)


def test_a_short_text_stays_as_it_is() -> None:
    assert shorten("Chess openings") == "Chess openings"


def test_a_long_text_is_cut_with_an_ellipsis() -> None:
    assert shorten("abcdefghij", 6) == "abcd…"
    assert len(shorten("x" * 10_000)) <= 160
    assert shorten("x" * 10_000).endswith("…")


def test_an_emoji_of_several_code_points_is_not_cut_in_two() -> None:
    family = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
    assert shorten(f"ab{family}cdefgh", 6) == "ab…"


def test_control_characters_and_lines_become_single_spaces() -> None:
    assert shorten("a\x00b\n\n c\t") == "a b c"


@given(st.text(max_size=400), st.integers(2, 60))
def test_no_text_is_longer_than_the_limit(text: str, limit: int) -> None:
    found = shorten(text, limit)
    assert len(found) <= limit
    assert "\n" not in found


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12345.0, "12,345"),
        (0.25, "0.250"),
        (123.456, "123.5"),
        (0.00012, "0.00012"),
        (-3.0, "-3"),
        (float("nan"), "nan"),
    ],
)
def test_numbers_are_formatted_for_reading(value: float, text: str) -> None:
    assert format_number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(-0.004, "0.00"), (-0.006, "-0.01"), (0.0, "0.00"), (12.345, "12.35"), (1e6, "1000000.00")]
)
def test_decimals_have_no_negative_zero(value: float, text: str) -> None:
    assert format_decimal(value, 2) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(414190720.0, "414.2 M"), (-2e6, "-2.0 M"), (999999.0, "999,999"), (0.25, "0.250"), (float("inf"), "inf")],
)
def test_large_numbers_need_little_room(value: float, text: str) -> None:
    assert compact_number(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_an_exact_number_is_parsed_to_the_same_value(value: float) -> None:
    assert float(exact_number(value)) == value


def test_wide_characters_are_wider() -> None:
    assert text_width("漢字", 10) > text_width("ab", 10) > 0
