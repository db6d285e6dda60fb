from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.naming.config import NamingConfig
from transforms.naming.salient_name import Label, salient_name, surface_form, tokenize_title, weigh_by_similarity
from transforms.naming.text import display_width


def name(terms: Sequence[str], titles: Sequence[str] = (), rank: int = 3) -> str:
    return salient_name(terms, [1 - 0.05 * place for place in range(len(terms))], titles, rank, NamingConfig())


@pytest.mark.parametrize(
    ("terms", "titles", "expected"),
    [
        (["machine", "machine learning", "graph networks"], [], "Machine learning, graph networks"),
        (["network", "networks", "tea"], [], "Network, tea"),
        (["supervised fine", "fine tuning", "tea"], ["Supervised Fine-Tuning of Tea"], "Supervised fine-tuning, tea"),
        (["swe agent", "cuda"], ["SWE-agent takes an issue", "Kernels in CUDA"], "SWE-agent"),
        (["swe agent", "cuda"], ["SWE-agent on CUDA", "Kernels in CUDA", "An SWE-agent"], "SWE-agent, CUDA"),
        (["light holder", "glass"], ["GLASS T-LIGHT HOLDER", "T-LIGHT HOLDER PINK"], "T-light holder"),
        # No term is in two titles: one phrase, not a list of what has nothing in common.
        (
            ["deepfake detection", "hamiltonian dynamics"],
            ["Deepfake Detection", "Hamiltonian Dynamics"],
            "Deepfake detection",
        ),
        # As the catalogue writes them, if titles do not add words.
        (
            ["CLI", "super-resolution"],
            ["Cli and Super Resolution", "the cli", "Super resolution"],
            "Super-resolution, CLI",
        ),
        # The words beside a term that are the same in all titles with it.
        (["large language"], ["Large Language Models for tea", "On Large Language Models"], "Large language models"),
        (["tea"], ["Tea with milk", "The tea with lemon"], "Tea"),
        # A part of a compound is no name beside others.
        (["wise", "networks"], ["Layer-Wise Networks", "Point-wise maps of networks"], "Networks"),
        (["end autonomous", "driving"], ["End-to-End Autonomous Driving"], "End-to-end autonomous, driving"),
        (["video", "tea"], [], "Tea"),
        (["video"], [], "Video"),
        (["iphone"], ["Repair your iPhone"], "iPhone"),
        (["재즈", "재즈 기타"], ["재즈 기타 입문"], "재즈 기타"),
        (["機械", "械学", "学習", "深層"], ["機械学習の基礎", "機械学習と深層学習", "深層"], "機械学習、深層"),
        (["กาแฟ", "จักรยาน"], ["กาแฟดริป", "กาแฟและจักรยาน", "จักรยาน"], "กาแฟ, จักรยาน"),
        (["الخط العربي", "الخط"], ["تعلم الخط العربي"], "الخط العربي"),
        ([], ["Knitting socks", "Knitting hats"], "Knitting, socks"),
        (["12", "--"], [], "Interest 3"),
        ([], [], "Interest 3"),
    ],
)
def test_names(terms: list[str], titles: list[str], expected: str) -> None:
    assert name(terms, titles) == expected


def test_a_term_is_written_as_titles_do() -> None:
    titles = [tokenize_title(title) for title in ("GitHub Actions", "The GitHub-Actions cache", "github actions")]
    assert (
        surface_form("github actions", titles) == ("GitHub actions", 3)
        or surface_form("github actions", titles)[1] == 3
    )
    assert surface_form("unknown", titles) == ("unknown", 0)


@given(st.lists(st.text("abc é茶機재ا12-", max_size=40), max_size=10), st.lists(st.text(max_size=60), max_size=5))
def test_a_name_is_never_blank_and_fits(terms: list[str], titles: list[str]) -> None:
    found = name(terms, titles)
    assert found.strip()
    assert display_width(found) <= NamingConfig().max_width


def test_labels_that_are_not_similar_to_the_titles_come_last() -> None:
    titles = ["Path planning for drones", "Drones find a path in forests", "Racing drones", "Landing of drones"]
    labels = [
        Label("path", "path", 1.0),
        Label("drones", "drones", 0.9),
        Label("comedy", "comedy", 0.8, in_titles=False),
    ]
    weighed = {label.text: label for label in weigh_by_similarity(labels, titles)}
    assert weighed["drones"].score > weighed["path"].score
    assert weighed["comedy"].score == pytest.approx(0.2)
    assert weighed["drones"].is_shared
    assert weigh_by_similarity(labels, ["Дроны в лесу", "Гонки дронов"]) == labels  # not covered by the encoder
