from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.transforms.encoders.tiny_models import make_bert, make_static, write_modules  # noqa: E402
from transforms.encoders.spec import EncoderSpec, load_encoder, parse_encoder  # noqa: E402
from transforms.encoders.static import StaticEncoder  # noqa: E402
from transforms.model_files import ModelUnavailableError  # noqa: E402

pytestmark = pytest.mark.models

TEXTS = ["red tea pot", "", "teas", "garden garden", " ", "[SEP]"]


def test_a_folder_is_loaded(tmp_path: Path) -> None:
    found = parse_encoder(str(make_bert(tmp_path / "bert")), max_tokens=16).load()
    assert found.dimension == 24
    assert found.encode(TEXTS).shape == (6, 24)


def test_a_static_encoder_adds_up_tokens(tmp_path: Path) -> None:
    encoder = parse_encoder(str(make_static(tmp_path / "static"))).load()
    assert isinstance(encoder, StaticEncoder)
    assert encoder.dimension == 24
    found = encoder.encode([*TEXTS, "tea", "##s", "pot red tea"])
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(9), abs=1e-6)
    assert found[0] == pytest.approx(found[8], abs=1e-6)
    assert found[1].tobytes() == found[4].tobytes() == found[5].tobytes()
    assert encoder.encode([TEXTS[3]])[0].tobytes() == found[3].tobytes()
    assert encoder.encode([]).shape == (0, 24)


def test_the_layout_is_that_of_sentence_transformers(tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    for folder in (make_bert(tmp_path / "bert"), make_static(tmp_path / "static")):
        model = library.SentenceTransformer(str(folder), device="cpu")
        texts = ["red tea pot", "teas", "garden garden"]
        expected = model.encode(texts)
        assert load_encoder(EncoderSpec("folder", str(folder), 32), "cpu").encode(texts) == pytest.approx(
            expected, abs=1e-5
        )


def test_weights_that_are_no_table_are_refused(tmp_path: Path) -> None:
    folder = make_bert(tmp_path / "bert")
    write_modules(folder, ("", "StaticEmbedding"))
    with pytest.raises(
        ModelUnavailableError, match=r"model\.safetensors contains .*; expected only embedding\.weight or embeddings"
    ):
        parse_encoder(str(folder)).load()
