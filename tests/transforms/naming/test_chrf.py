import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics.chrf import CHRF

from transforms.naming.chrf import pairwise_chrf

WORDS = st.text(alphabet="abc é茶 ", max_size=12)


@given(st.lists(WORDS, min_size=1, max_size=5))
def test_it_is_chrf(names: list[str]) -> None:
    chrf = CHRF()
    expected = [[chrf.sentence_score(name, [other]).score / 100 for other in names] for name in names]
    np.testing.assert_allclose(pairwise_chrf(names), expected, atol=1e-9)


def test_equal_names_agree_and_others_do_not() -> None:
    found = pairwise_chrf(["Red tea", "Redtea", "Golf"])
    assert found[0, 1] == found[0, 0] == pytest.approx(1)
    assert found[0, 2] == found[2, 0] == 0
    assert pairwise_chrf(["", ""]).tolist() == [[0, 0], [0, 0]]
