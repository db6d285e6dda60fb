import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.transforms.encoders.tiny_models import SPECIAL, WORDS, make_bert, make_tokenizer
from tools.static_encoder.distill import (
    SIF,
    add_special_tokens,
    distill,
    principal_components,
    text_tokens,
    zipf_weights,
)
from transforms.encoders.layout import read_layout
from transforms.encoders.transformer import TransformerEncoder

pytestmark = pytest.mark.models


def test_tokens_that_stand_for_text() -> None:
    tokenizer = make_tokenizer()
    tokenizer.no_padding()
    tokens = text_tokens(tokenizer)
    assert [tokenizer.id_to_token(number) for number in tokens] == ["[UNK]", *WORDS]
    assert add_special_tokens(tokenizer, tokens)[:2] == [[2, 1, 3], [2, len(SPECIAL), 3]]


def test_special_tokens_have_no_vector(tmp_path) -> None:  # type: ignore[no-untyped-def]
    table = distill(TransformerEncoder(read_layout(make_bert(tmp_path)), max_tokens=8), 6)
    assert table.shape == (len(SPECIAL) + len(WORDS), 6)
    assert np.flatnonzero(~table.any(axis=1)).tolist() == [0, 2, 3, 4]


def test_frequent_tokens_weigh_less() -> None:
    weights = zipf_weights(1000)
    assert (np.diff(weights) > 0).all()
    fraction = (1 / 2) / sum(1 / rank for rank in range(2, 1002))
    assert weights[0] == pytest.approx(SIF / (SIF + fraction))


def test_principal_components_keep_distances_and_come_by_size() -> None:
    generator = np.random.default_rng(1)
    vectors = (generator.normal(size=(200, 5)) * [5, 1, 3, 0.5, 2] + 7).astype(np.float32)
    found = principal_components(vectors, 5)
    assert found.mean(axis=0) == pytest.approx(np.zeros(5), abs=1e-5)
    assert (np.diff(found.std(axis=0)) < 0).all()
    for one, other in ((0, 1), (5, 90), (17, 199)):
        expected = np.linalg.norm(vectors[one] - vectors[other])
        assert np.linalg.norm(found[one] - found[other]) == pytest.approx(expected, rel=1e-4)
    assert principal_components(vectors, 2) == pytest.approx(found[:, :2])


def test_the_sign_of_a_component_is_settled() -> None:
    vectors = np.random.default_rng(2).normal(size=(50, 3)).astype(np.float32) * np.float32([3, 2, 1])
    assert np.argmax(np.abs(np.corrcoef(vectors.T, principal_components(vectors, 3).T)[3:, :3]), axis=1).tolist() == [
        0,
        1,
        2,
    ]
    assert (np.diag(np.corrcoef(vectors.T, principal_components(vectors, 3).T)[3:, :3]) > 0).all()
