import threading
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.transforms.encoders.tiny_models import SPECIAL, WORDS, make_bert, make_tokenizer, write_modules  # noqa: E402
from transforms.encoders.layout import read_layout  # noqa: E402
from transforms.encoders.locate import layout_fingerprint  # noqa: E402
from transforms.encoders.spec import EncoderSpec, load_encoder, load_or_distill, parse_encoder  # noqa: E402
from transforms.encoders.static import StaticEncoder, add_special_tokens, text_tokens  # noqa: E402
from transforms.model_files import ModelUnavailableError, cache_dir  # noqa: E402

TEXTS = ["red tea pot", "", "teas", "garden garden", " ", "[SEP]"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return cache_dir("encoders")


def test_a_folder_is_loaded(tmp_path: Path) -> None:
    found = parse_encoder(str(make_bert(tmp_path / "bert")), max_tokens=16).load()
    assert found.dimension == 24
    assert found.encode(TEXTS).shape == (6, 24)


def test_tokens_that_stand_for_text() -> None:
    tokenizer = make_tokenizer()
    tokenizer.no_padding()
    tokens = text_tokens(tokenizer)
    assert [tokenizer.id_to_token(number) for number in tokens] == ["[UNK]", *WORDS]
    assert add_special_tokens(tokenizer, tokens)[:2] == [[2, 1, 3], [2, len(SPECIAL), 3]]


def test_distilling_is_done_once(tmp_path: Path, cache: Path) -> None:
    source = read_layout(make_bert(tmp_path / "bert"))
    layout = load_or_distill(source)
    changed = layout.weights[0].stat().st_mtime_ns
    assert load_or_distill(source) == layout
    assert layout.weights[0].stat().st_mtime_ns == changed
    assert [path.name for path in cache.iterdir() if path.suffix != ".lock"] == [layout.folder.parent.name]
    assert load_or_distill(read_layout(make_bert(tmp_path / "other", seed=1))) != layout


def test_who_comes_at_the_same_time_gets_the_same(tmp_path: Path, cache: Path) -> None:
    source = read_layout(make_bert(tmp_path / "bert"))
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(layout_fingerprint(load_or_distill(source)))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


def test_distilling_that_fails_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    folder = make_bert(tmp_path / "bert")
    source = read_layout(folder)
    (folder / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(Exception, match="header"):
        load_or_distill(source)
    assert [path.name for path in cache.iterdir() if path.suffix != ".lock"] == []


def test_a_static_encoder_adds_up_tokens(tmp_path: Path) -> None:
    encoder = StaticEncoder(load_or_distill(read_layout(make_bert(tmp_path / "bert"))))
    assert encoder.dimension == 24
    found = encoder.encode([*TEXTS, "tea", "##s", "pot red tea"])
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(9), abs=1e-6)
    assert found[0] == pytest.approx(found[8], abs=1e-6)
    assert found[1].tobytes() == found[4].tobytes() == found[5].tobytes()
    assert encoder.encode([TEXTS[3]])[0].tobytes() == found[3].tobytes()
    assert encoder.encode([]).shape == (0, 24)


def test_a_distilled_folder_can_be_given_as_a_folder(tmp_path: Path) -> None:
    layout = load_or_distill(read_layout(make_bert(tmp_path / "bert")))
    found = parse_encoder(str(layout.folder.parent)).load()
    assert isinstance(found, StaticEncoder)
    assert np.array_equal(found.encode(TEXTS), StaticEncoder(layout).encode(TEXTS))


def test_the_layout_is_that_of_sentence_transformers(tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    for folder in (make_bert(tmp_path / "bert"), load_or_distill(read_layout(tmp_path / "bert")).folder.parent):
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
