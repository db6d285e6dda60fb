"""The page about messages: each one is printed by the code as it stands there."""

import re

import pytest

from tests.printed_messages import ROOT, is_printed, normalize

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
HEADINGS = re.findall(r"^#### (.+)$", PAGE, re.MULTILINE)
OF_OTHERS = {"No module named 'pipelines'"}
"""Messages of Python itself."""


def test_every_heading_of_a_message_is_code() -> None:
    assert len(HEADINGS) > 50
    assert [heading for heading in HEADINGS if not re.fullmatch(r"`[^`]+`", heading.replace("``", "`"))] == []
    assert len(set(HEADINGS)) == len(HEADINGS)


@pytest.mark.parametrize("heading", HEADINGS)
def test_a_message_is_printed_by_the_code(heading: str) -> None:
    message = heading.strip("` ")
    assert message in OF_OTHERS or is_printed(message)


def test_a_message_is_more_than_values() -> None:
    """A heading such as `… needs …` would be found in any text."""
    assert [heading for heading in HEADINGS if len(re.findall(r"\w{2,}", heading)) < 2] == []


@pytest.mark.parametrize("message", ["no column …; the file lacks …", "cannot write into …: …"])
def test_a_message_that_nothing_prints_is_found(message: str) -> None:
    assert not is_printed(message)


def test_values_are_marked_once() -> None:
    assert normalize("--……: … …\n  end") == "--…: … end"
