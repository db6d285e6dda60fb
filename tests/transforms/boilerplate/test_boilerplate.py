import random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import ITEMS
from transforms.boilerplate.finding import find_boilerplate
from transforms.boilerplate.phrases import pattern_of, phrases_of
from transforms.boilerplate.removal import remove_boilerplate, remove_from_items
from transforms.text_cleaning.markup import clean_text

_TOPICS = (
    *("Sourdough bread", "Banjo lesson", "Welding steel", "Bonsai pruning", "Kayak rolling", "Origami crane"),
    *("Telescope mirror", "Falconry glove", "Beekeeping hive", "Mosaic tiles", "Surfing waves", "Chess openings"),
)
_ACTIONS = ("basics", "mistakes", "setup", "workshop", "repair", "story", "tour", "gear", "secrets", "practice")
_NOISE = (
    *("(Official Video)", "(1080p)", "- Episode {}", "S0{}E0{}", "{}00ml", "[4K HD]", "| Full Album", "SET OF {}"),
    *("(20{}3 Edition)", "| Maker Channel"),
)


def noisy_titles(seed: int = 0) -> dict[str, str]:
    """Return titles with boilerplate, and the same without."""
    generator = random.Random(seed)
    titles = {}
    for topic in _TOPICS:
        for action in _ACTIONS:
            noise = generator.choice(_NOISE).format(*(generator.randint(1, 9) for _ in range(2)))
            titles[f"{topic} {action} {noise}"] = f"{topic} {action}"
    return titles


def test_what_stands_in_many_titles_and_says_nothing_is_removed() -> None:
    titles = noisy_titles()
    found = frozenset(find_boilerplate(titles))
    cleaned = {title: remove_boilerplate(title, found) for title in titles}
    wrong = {title: rest for title, rest in cleaned.items() if rest != titles[title]}
    assert len(wrong) <= 0.02 * len(titles), (sorted(found), wrong)


def titles_with(noise: str, fraction: float = 0.3, seed: int = 1) -> dict[str, str]:
    """Return titles of which a fraction has a phrase, and the same without."""
    generator = random.Random(seed)
    titles = {}
    for topic in _TOPICS:
        for action in _ACTIONS:
            numbers = (generator.randint(1, 9) for _ in range(3))
            behind = f" {noise.format(*numbers)}" if generator.random() < fraction else ""
            titles[f"{topic} {action}{behind}"] = f"{topic} {action}"
    return titles


@pytest.mark.parametrize(
    "noise",
    [
        "Part {}",
        "Parte {}",
        "Vol. {}",
        "Part {} of {}",
        "from ${}",
        "Season {} Episode {}",
        "Staffel {} Folge {}",
        "{}er Set",
        "{} x {} cm",
        "{} x {} x {} cm",
        "1st Edition",
        "{}0% off",
        "#shorts",
        "#viral #fyp",
        "送料無料",
        "包邮",
        "官方视频",
        "versandkostenfrei",
        "Größe XL",
        "- Size M",
    ],
)
def test_a_phrase_is_removed_whole_and_without_the_word_before_it(noise: str) -> None:
    titles = titles_with(noise)
    found = frozenset(find_boilerplate(titles))
    assert {title: remove_boilerplate(title, found) for title in titles} == titles, sorted(found)


@pytest.mark.parametrize(
    "noise", ["{} Ep. {{}}", "Folge {{}}: {}", "Teil {{}} – {}", "{} Lot de {{}}", "{} tome {{}}", "Серия {{}}. {}"]
)
def test_a_phrase_with_a_number_is_found_where_other_titles_have_years_in_brackets(noise: str) -> None:
    generator = random.Random(1)
    titles = {}
    for topic in _TOPICS:
        for action in _ACTIONS:
            form = noise if generator.random() < 0.5 else "{} (199{{}})"
            titles[form.format(f"{topic} {action}").format(generator.randint(1, 9))] = f"{topic} {action}"
    found = frozenset(find_boilerplate(titles))
    assert {title: remove_boilerplate(title, found) for title in titles} == titles, sorted(found)


@pytest.mark.parametrize("fraction", [0.3, 0.6])
@pytest.mark.parametrize("noise", ["2024", "#{}", "of {}"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_number_at_the_end_takes_no_topic_with_it(noise: str, fraction: float, seed: int) -> None:
    titles = titles_with(noise, fraction, seed)
    found = frozenset(find_boilerplate(titles))
    assert all(remove_boilerplate(title, found).startswith(rest) for title, rest in titles.items()), sorted(found)


def test_the_preposition_of_a_phrase_is_not_removed_alone() -> None:
    titles = [f"{topic} {action} SET OF {number}" for topic in _TOPICS for action in _ACTIONS for number in (2, 6)]
    assert find_boilerplate(titles) == ["set of 0"]


def test_the_result_does_not_depend_on_the_order() -> None:
    titles = list(noisy_titles())
    assert find_boilerplate(titles) == find_boilerplate(reversed(titles))


_THREE_D = (
    *(
        "object detection",
        "point clouds",
        "scene reconstruction",
        "shape generation",
        "mesh rendering",
        "pose estimation",
    ),
    *("depth maps", "Gaussian splatting", "voxel networks", "view synthesis"),
)
_ELECTION = (
    *("polls of the senate race", "debate of the candidates", "voters of the swing states", "results by county"),
    *("campaign spending of the parties", "ballots counted late", "turnout of voters", "president and vice president"),
    *("primaries of the parties", "senators and governors"),
)
_PYTHON = (
    *("Decorators for functions", "List comprehension syntax", "Async functions and threads", "Type hints for classes"),
    *("Unit tests of modules", "Parse JSON files", "Virtual environments and packages", "Loops over dictionaries"),
    *("Debug the interpreter", "Classes and objects"),
)
_OTHERS = (
    *("Bake a sourdough loaf", "Prune your bonsai tree", "Roll a kayak", "Tune a banjo", "Fold a paper crane"),
    *(
        "Weld a steel frame",
        "Catch the first wave",
        "Keep bees over winter",
        "Polish a telescope mirror",
        "Train a falcon",
    ),
)


@pytest.mark.parametrize(
    ("titles", "topic"),
    [
        ([f"3D {text}" for text in _THREE_D], "3D"),
        ([f"2024 election: {text}" for text in _ELECTION], "election"),
        ([f"{text} [Python]" for text in _PYTHON], "Python"),
        ([f"{text} | Python" for text in _PYTHON], "Python"),
    ],
)
def test_a_frequent_word_that_is_a_topic_stays(titles: list[str], topic: str) -> None:
    others = [
        f"{text} {place}" for text in _OTHERS for place in ("at home", "in spring", "with friends", "for beginners")
    ]
    found = frozenset(find_boilerplate([*titles, *others]))
    assert all(topic in remove_boilerplate(title, found) for title in titles), sorted(found)


def test_few_titles_have_no_boilerplate() -> None:
    assert find_boilerplate([]) == []
    assert find_boilerplate(["Bread (Official Video)", "Banjo (Official Video)"]) == []


def test_the_name_of_the_creator_is_removed_where_it_stands_alone() -> None:
    items = pa.RecordBatch.from_pylist(
        [
            {"item_id": "1", "title": "Sourdough basics | Baking with Jo", "creator": "Baking with Jo"},
            {"item_id": "2", "title": "Baking with Jo", "creator": "Baking with Jo"},
            {"item_id": "3", "title": "Tea with Jo at home", "creator": "Jo"},
            {"item_id": "4", "title": "", "creator": None},
        ],
        ITEMS.arrow,
    )
    removed = remove_from_items(items, [])
    assert removed.items["title"].to_pylist() == ["Sourdough basics", "Baking with Jo", "Tea with Jo at home", ""]
    assert removed.titles == 1


@pytest.mark.parametrize("mark", ["(", "()", "\xa0", "- ", "\t", " : "])
def test_the_cost_of_repeated_marks_is_linear(mark: str) -> None:
    """At quadratic cost each of these takes an hour."""
    title = f"Jazz {mark * 100_000} guitar"
    assert pattern_of(title).startswith("jazz ")
    assert clean_text(title).endswith("guitar")


def test_patterns() -> None:
    assert pattern_of("Episode 12") == pattern_of("(EPISODE 4)") == "episode 0"
    assert {phrase.pattern for phrase in phrases_of("Set of 6 mugs 500ml [NEW] | Mug Shop")} >= {
        *("set of 0", "0ml", "new", "mug shop"),
    }


@given(st.text(max_size=40), st.lists(st.sampled_from(["0", "new", "set of 0", "a", "0ml"]), max_size=3))
def test_a_title_with_a_letter_keeps_one(title: str, patterns: list[str]) -> None:
    rest = remove_boilerplate(title, patterns)
    assert any(map(str.isalpha, rest)) or not any(map(str.isalpha, title)) or rest == title
