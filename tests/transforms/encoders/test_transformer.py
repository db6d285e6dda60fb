from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tests.transforms.encoders.tiny_models import make_bert, write_json  # noqa: E402
from transforms.encoders.layout import read_layout  # noqa: E402
from transforms.encoders.transformer import TransformerEncoder  # noqa: E402
from transforms.model_files import ModelUnavailableError  # noqa: E402

pytestmark = pytest.mark.models

TEXTS = ["red tea pot", "tea", "", "a b c d e f g h i j k l m n", "cars", "gardening in the red garden", "☕"]


def encoder(folder: Path, **options: object) -> TransformerEncoder:
    return TransformerEncoder(read_layout(folder), device="cpu", **{"max_tokens": 32} | options)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bert(tmp_path_factory.mktemp("bert"))


def hidden_states(folder: Path, text: str) -> np.ndarray:
    """The last layer for one text without padding, by transformers' own tokenizer, shape (tokens, dimension)."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    ids = tokenizer(text, padding=False, return_tensors="pt")
    with torch.inference_mode():
        return model(**ids).last_hidden_state[0].numpy()


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("pooling", ["mean_tokens", "cls_token"])
def test_vectors_are_those_of_each_text_alone(tmp_path: Path, pooling: str) -> None:
    found = encoder(make_bert(tmp_path, pooling)).encode(TEXTS)
    assert found.dtype == np.float32
    assert found.shape == (len(TEXTS), 24)
    for text, vector in zip(TEXTS, found, strict=True):
        states = hidden_states(tmp_path, text)
        expected = states.mean(axis=0) if pooling == "mean_tokens" else states[0]
        assert vector == pytest.approx(unit(expected), abs=1e-5)
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("max_tokens", [1, 20, 8192])
def test_a_vector_hardly_depends_on_the_other_texts(bert: Path, max_tokens: int) -> None:
    whole = encoder(bert).encode(TEXTS)
    cut = encoder(bert, max_batch_tokens=max_tokens)
    assert cut.encode(TEXTS) == pytest.approx(whole, abs=1e-5)
    assert cut.encode(TEXTS[::-1])[::-1] == pytest.approx(whole, abs=1e-5)


def test_the_same_call_gives_the_same_bytes(bert: Path) -> None:
    assert encoder(bert).encode(TEXTS).tobytes() == encoder(bert).encode(TEXTS).tobytes()


def test_texts_are_cut_after_max_tokens(bert: Path) -> None:
    short = encoder(bert, max_tokens=5)
    vectors = short.encode(["a b c", "a b c d", "a b"])
    assert vectors[0] == pytest.approx(vectors[1], abs=1e-6)
    assert vectors[0] != pytest.approx(vectors[2], abs=1e-3)
    assert max(map(len, short.tokenizer.tokens(TEXTS))) == 5


def test_a_vector_in_int8_depends_on_its_text_alone(bert: Path) -> None:
    texts = [*TEXTS, "green tea", "the garden", "old cars and red tea"]
    model = encoder(bert, dtype="int8")
    whole = model.encode(texts)
    assert (whole * encoder(bert).encode(texts)).sum(axis=1) == pytest.approx(1, abs=0.03)
    assert not np.array_equal(whole, encoder(bert).encode(texts))
    assert np.array_equal(encoder(bert, dtype="int8", max_batch_tokens=8).encode(texts[::-1])[::-1], whole)
    for text, vector in zip(texts, whole, strict=True):
        assert np.array_equal(model.encode([text])[0], vector)
    states = [state.mean(axis=0) for state in model.states(model.tokenizer.tokens(texts))]
    assert np.array([unit(state) for state in states]) == pytest.approx(whole, abs=1e-5)


def test_texts_of_several_threads_are_encoded_in_int8_at_the_same_time(bert: Path) -> None:
    model, texts = encoder(bert, dtype="int8"), [f"red tea {'garden ' * (number % 7)}" for number in range(64)]
    expected = [model.encode([text]) for text in texts]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda text: model.encode([text]), texts))
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("native", [True, False])
def test_auto_is_int8_without_bfloat16(bert: Path, monkeypatch: pytest.MonkeyPatch, native: bool) -> None:
    monkeypatch.setattr("transforms.precision.dtype.cpu_has_bfloat16", lambda: native)
    same = "float" if native else "int8"
    assert np.array_equal(encoder(bert, dtype="auto").encode(TEXTS), encoder(bert, dtype=same).encode(TEXTS))


def test_no_texts_give_no_vectors(bert: Path) -> None:
    assert encoder(bert).encode([]).shape == (0, 24)
    assert encoder(bert, dtype="int8").encode([]).shape == (0, 24)


def test_lower_case_is_as_the_model_wants_it(tmp_path: Path) -> None:
    make_bert(tmp_path, lowercase=False)
    tea, upper = encoder(tmp_path).encode(["tea", "TEA"])
    assert tea != pytest.approx(upper, abs=1e-3)
    write_json(tmp_path / "sentence_bert_config.json", {"do_lower_case": True})
    tea, upper = encoder(tmp_path).encode(["tea", "TEA"])
    assert tea == pytest.approx(upper, abs=1e-6)


def test_more_tokens_than_a_model_has_places_for_are_refused(bert: Path) -> None:
    with pytest.raises(ModelUnavailableError, match="accepts at most 40 tokens, max_tokens is 41"):
        encoder(bert, max_tokens=41)
    assert encoder(bert, max_tokens=40).encode(["a " * 100]).shape == (1, 24)


def test_batches_are_halved_where_memory_is_short(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU that is too small cannot be had everywhere; what it raises can."""
    model = encoder(bert)
    expected = model.encode(TEXTS)
    sizes = []
    forward = model._forward

    def small(tokens: list[list[int]]) -> np.ndarray:
        if len(tokens) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        sizes.append(len(tokens))
        return forward(tokens)

    monkeypatch.setattr(model, "_forward", small)
    assert model.encode(TEXTS) == pytest.approx(expected, abs=1e-5)
    assert sum(sizes) == len(TEXTS)


def test_code_that_lies_in_the_folder_is_not_run(tmp_path: Path) -> None:
    make_bert(tmp_path)
    marker = tmp_path / "ran"
    (tmp_path / "evil.py").write_text(f"open({str(marker)!r}, 'w')\nclass Evil: pass\n")
    config = transformers.BertConfig.from_pretrained(tmp_path).to_dict()
    write_json(tmp_path / "config.json", config | {"auto_map": {"AutoModel": "evil.Evil", "AutoConfig": "evil.Evil"}})
    assert encoder(tmp_path).encode(["tea"]).shape == (1, 24)
    assert not marker.exists()


@pytest.mark.gpu
def test_a_gpu_gives_nearly_the_same(bert: Path) -> None:
    vectors = TransformerEncoder(read_layout(bert), max_tokens=32)
    assert vectors.device.type == "cuda"
    found = vectors.encode(TEXTS)
    assert found.dtype == np.float32
    assert (found * encoder(bert).encode(TEXTS)).sum(axis=1) == pytest.approx(1, abs=0.01)
