import html.parser
import json
import re

from transforms.page.content import Measured, NamedCluster, Page, ShownItem, ShownJourney, ShownUser
from transforms.page.render import render, script_data
from transforms.page.text import shorten

SCRIPT = "<script>alert(1)</script>"
ARABIC = "رحلة في الصحراء"
EMOJI = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}🎻"
LONG = "long " * 2000
HOSTILE = (SCRIPT, ARABIC, EMOJI, LONG, '"><img src=x onerror=alert(1)>', "{{ 7*7 }}", "</script><!--", "\u2028\u2029")


class Elements(html.parser.HTMLParser):
    """The elements of a page, and the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def user(number: int, text: str) -> ShownUser:
    journey = ShownJourney(
        "0123456789abcdef",
        1,
        shorten(text),
        "salient",
        (shorten(text),),
        1,
        "2024-01-01",
        "2024-01-01",
        None,
        (ShownItem("i", shorten(text), "2024-01-01"),),
        0,
        (50.0,),
        (50.0, 0.0),
    )
    return ShownUser(number, text, (journey,), context=(NamedCluster("00", shorten(text)),))


PAGE = Page(
    "Report",
    headline=(Measured("recall", 0.123456789, 0.1, 0.2, 50, "explore: recall"),),
    users=tuple(user(number, text) for number, text in enumerate(HOSTILE, start=1)),
    missing={"tree": f"nothing {SCRIPT}"},
)


def test_texts_of_the_data_become_no_elements() -> None:
    elements = Elements(render(PAGE))
    plain = Elements(render(Page("Report", users=(user(1, "plain"),))))
    tags = {tag for tag, _ in elements.found}
    assert "img" not in tags
    assert tags == {tag for tag, _ in plain.found} | {"dl", "dt", "dd", "data", "small", "div", "span", "p"}
    assert sum(tag == "script" for tag, _ in elements.found) == sum(tag == "script" for tag, _ in plain.found)
    assert not any(name.startswith("on") for _, attributes in elements.found for name in attributes)


def test_the_texts_are_there_as_texts() -> None:
    texts = Elements(render(PAGE)).texts
    for text in (SCRIPT, ARABIC, EMOJI, "{{ 7*7 }}"):
        assert text in texts
    assert "49" not in texts


def test_a_text_of_ten_thousand_characters_is_cut() -> None:
    assert len(LONG) == 10_000
    found = [text for text in Elements(render(PAGE)).texts if text.startswith("long long")]
    assert found
    assert all(len(text) <= 300 for text in found)
    assert any(text.endswith("…") for text in found)


def test_directions_of_names_and_titles_are_automatic() -> None:
    text = render(PAGE)
    assert re.search(rf'<bdi dir="auto"[^>]*>{ARABIC}</bdi>', text)


def test_the_script_is_the_only_one_that_may_run() -> None:
    text = render(PAGE)
    assert "default-src 'none'" in text
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/=]{44}'", text)
    assert not re.search(r"(src|href)=\"(?!#|data:)", text)


def test_data_of_scripts_is_json_without_markup() -> None:
    data = str(script_data(list(HOSTILE)))
    assert json.loads(data) == list(HOSTILE)
    assert not set("<>&\u2028\u2029") & set(data)


def test_numbers_carry_their_exact_values() -> None:
    assert '<data value="0.123456789">0.123</data> <small><data value="0.1">0.100</data>' in render(PAGE)


def test_equal_content_gives_equal_text() -> None:
    assert render(PAGE) == render(PAGE)


def test_ids_are_unique_and_labels_refer_to_them() -> None:
    found = Elements(render(PAGE)).found
    ids = [attributes["id"] for _, attributes in found if "id" in attributes]
    assert len(set(ids)) == len(ids)
    names = ("aria-labelledby", "aria-describedby", "aria-controls", "for")
    referred = {word for _, attributes in found for name in names for word in (attributes.get(name) or "").split()}
    assert referred <= set(ids)
