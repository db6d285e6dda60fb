import pytest

from tools.words import Exempt, Finding, WordList, read_list, search, search_code, search_page

WORDS = WordList(
    everywhere={"told": "given"},
    identifiers={"^_*most": "max"},
    prose={"so many": "the number of"},
    docstring_start={"what": "a verb"},
)


def test_no_banned_words_in_the_repository() -> None:
    findings = search([], read_list())
    assert not findings, "\n".join(map(str, findings))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        pytest.param("def told_in(): ...", ["told"], id="function"),
        pytest.param("class ToldIn: ...", ["Told"], id="class"),
        pytest.param("call(most_items=1)", ["most"], id="keyword"),
        pytest.param("def call(almost): ...", [], id="part of another word"),
        pytest.param("frozen.told = 1", ["told"], id="attribute"),
        pytest.param("# so many", ["so many"], id="comment"),
        pytest.param('"""What a name is."""', ["What"], id="start of a docstring"),
        pytest.param('raise ValueError(f"{name} was told")', ["told"], id="error message"),
        pytest.param('"told_items"', ["told"], id="string of one word"),
        pytest.param("from told import things", [], id="names of other modules"),
    ],
)
def test_words_in_code(code: str, words: list[str]) -> None:
    assert [each.word for each in search_code("pipelines/module.py", code, WORDS)] == words


def test_strings_of_tests_are_data() -> None:
    assert not list(search_code("tests/test_module.py", 'text = "told"', WORDS))


def test_words_in_a_page() -> None:
    (finding,) = search_page("docs/page.md", "first\nTold on the second line.", WORDS)
    assert (finding.path, finding.line, finding.word, finding.instead) == ("docs/page.md", 2, "Told", "given")


def test_an_exception_names_a_path_and_a_text() -> None:
    exempt = Exempt("transforms/*.py", "^TOLD$", reason="a name of a library")
    assert exempt.covers(Finding("transforms/module.py", 1, "TOLD", "", "TOLD"))
    assert not exempt.covers(Finding("transforms/module.py", 1, "told", "", "told_in"))
    assert not exempt.covers(Finding("docs/page.md", 1, "TOLD", "", "TOLD"))
