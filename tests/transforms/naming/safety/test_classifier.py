"""A classifier of transformers beside the word lists, made in the test."""

import json
import pickle
import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("glin_profanity")

from pipelines.common.run import run_job  # noqa: E402
from pipelines.name.job import NameJob  # noqa: E402
from schemas import JOURNEY_NAMES, JOURNEYS  # noqa: E402
from tests.pipelines.logs import manifest, metric_values, rows, write  # noqa: E402
from tests.transforms.language_models.tiny_models import make_llama  # noqa: E402
from tests.transforms.naming.builders import journey  # noqa: E402
from tests.transforms.naming.safety.tiny_classifier import make_classifier  # noqa: E402
from transforms.datasets.commit import commit  # noqa: E402
from transforms.datasets.manifest import Manifest  # noqa: E402
from transforms.datasets.writing import PartWriter  # noqa: E402
from transforms.language_models.sequence_classifier import Floats, SequenceClassifier  # noqa: E402
from transforms.model_files import ModelUnavailableError  # noqa: E402
from transforms.naming.assignment import NamingContext, NamingRequest, assign_names, names_from_terms, request_hash  # noqa: E402
from transforms.naming.config import NamingConfig  # noqa: E402
from transforms.naming.safety import classifier as classifier_module  # noqa: E402
from transforms.naming.safety.classifier import (  # noqa: E402
    CachedClassifier,
    CombinedFilter,
    SafetyModel,
    parse_safety_model,
)
from transforms.naming.safety.word_lists import WordLists  # noqa: E402

pytestmark = pytest.mark.models

TITLES = ("red tea pot", "tea garden pot", "red garden")
NAMES = ["Red tea", "Tea pot garden", "Red car", "Cars garden tea", "Pot", "Garden red pot", "Car"]


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of which a text has one label."""
    return make_classifier(tmp_path_factory.mktemp("one"))


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of which a text may have several labels."""
    return make_classifier(tmp_path_factory.mktemp("several"), ("harmless", "threat", "toxic"), several=True)


def filter_of(folder: Path, *labels: str, threshold: float = 0.5) -> CombinedFilter:
    model = parse_safety_model(str(folder), labels, threshold)
    return CombinedFilter(model, model.fingerprint())


def test_a_name_of_an_unsafe_label_is_harmful(one: Path) -> None:
    safety = pickle.loads(pickle.dumps(filter_of(one, "harmful")))
    assert [safety.unsafe_reason(name) for name in NAMES] == [
        "harmful" if "car" in name.lower() else "" for name in NAMES
    ]
    assert safety.unsafe_reason("fuck this") == "obscene"
    assert filter_of(one, "fine").unsafe_reason("Red tea") == "harmful"


def test_a_name_that_the_lists_reject_needs_no_classifier() -> None:
    nowhere = CombinedFilter(SafetyModel("/nowhere", ("toxic",)), "0")
    assert nowhere.unsafe_reason("call +44 20 7946 0958") == "personal_data"
    with pytest.raises(ModelUnavailableError, match="classifier /nowhere"):
        nowhere.unsafe_reason("Red tea")


@pytest.mark.parametrize("kind", ["one", "several"])
def test_probabilities_are_those_of_transformers(kind: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(kind)
    labels = {"one": ("harmful",), "several": ("threat", "toxic")}[kind]
    plain = transformers.pipeline("text-classification", model=str(folder), device="cpu", top_k=None)
    classifier = CachedClassifier(SafetyModel(str(folder), labels))
    for name in NAMES:
        scores = {score["label"]: score["score"] for score in plain([name])[0]}
        assert classifier.probability(name) == pytest.approx(max(scores[label] for label in labels), abs=1e-5)


def test_the_threshold_is_where_a_name_becomes_unsafe(one: Path) -> None:
    probability = CachedClassifier(SafetyModel(str(one), ("harmful",))).probability("Red car")
    assert 0.5 < probability < 1
    assert filter_of(one, "harmful", threshold=probability).unsafe_reason("Red car") == "harmful"
    assert filter_of(one, "harmful", threshold=probability + 1e-6).unsafe_reason("Red car") == ""


def test_names_are_classified_in_batches_and_once(one: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    probabilities = SequenceClassifier.probabilities

    def counted(self: SequenceClassifier, texts: Sequence[str]) -> Floats:
        sizes.append(len(texts))
        return probabilities(self, texts)

    monkeypatch.setattr(SequenceClassifier, "probabilities", counted)
    classifier_module._cached.cache_clear()
    names = [f"{name} {number}" for number in range(20) for name in NAMES]
    safety = filter_of(one, "harmful")
    safety.prefetch(iter([*names, *names]))
    assert sizes == [len(names)]
    together = [safety.unsafe_reason(name) for name in names]
    assert sizes == [len(names)]
    classifier_module._cached.cache_clear()
    assert [safety.unsafe_reason(name) for name in names] == together
    assert sizes[1:] == [1] * len(names)


def test_a_process_loads_it_once(one: Path) -> None:
    classifier_module._cached.cache_clear()
    for _ in range(3):
        filter_of(one, "harmful").unsafe_reason("Red tea")
    assert classifier_module._cached.cache_info().misses == 1


def test_the_cache_is_bounded(one: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier_module, "_MAX_CACHED_NAMES", 2)
    classifier = CachedClassifier(SafetyModel(str(one), ("harmful",)))
    found = [classifier.probability(name) for name in [*NAMES, *NAMES]]
    assert found[: len(NAMES)] == found[len(NAMES) :]
    assert len(classifier._cache) <= 3


def test_labels_must_exist_and_default_to_all_of_a_multi_label_classifier(one: Path, several: Path) -> None:
    assert parse_safety_model(str(several), (), 0.5).labels == ("harmless", "threat", "toxic")
    assert parse_safety_model(str(several), ("toxic", "threat", "toxic"), 0.5).labels == ("threat", "toxic")
    with pytest.raises(ValueError, match=r"needs labels that mean unsafe; its labels are fine, harmful"):
        parse_safety_model(str(one), (), 0.5)
    with pytest.raises(ValueError, match=r"has no label 'bad'; its labels are fine, harmful"):
        parse_safety_model(str(one), ("bad",), 0.5)


def test_a_folder_without_a_classifier_is_an_error(one: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is not a text classifier, but \['LlamaForCausalLM'\]"):
        parse_safety_model(str(make_llama(tmp_path / "llama")), ("toxic",), 0.5)
    with pytest.raises(ValueError, match="no classifier 'toxic'; allowed are a folder"):
        parse_safety_model("toxic", ("toxic",), 0.5)
    with pytest.raises(ModelUnavailableError, match=r"classifier /nowhere: .*config\.json is missing"):
        parse_safety_model("/nowhere", ("toxic",), 0.5)
    nameless = Path(shutil.copytree(one, tmp_path / "nameless"))
    config = json.loads((nameless / "config.json").read_text())
    del config["id2label"]
    (nameless / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="does not name its labels"):
        parse_safety_model(str(nameless), ("harmful",), 0.5)


def test_the_fingerprint_covers_what_decides_and_not_the_place(one: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(one, tmp_path / "copied"))
    found = [filter_of(one, "harmful").fingerprint]
    assert filter_of(copied, "harmful").fingerprint == found[0]
    found.append(filter_of(one, "harmful", threshold=0.6).fingerprint)
    found.append(filter_of(one, "fine").fingerprint)
    (copied / "model.safetensors").write_bytes(b"others")
    found.append(filter_of(copied, "harmful").fingerprint)
    assert len(set(found)) == len(found)


def test_a_name_that_the_classifier_refuses_is_not_the_models(one: Path) -> None:
    context = NamingContext(NamingConfig(method="fine_tuned"), "model", filter_of(one, "harmful"))
    lists = NamingContext(NamingConfig(method="fine_tuned"), "model")
    sample = journey(titles=TITLES, terms=("tea", "pot"))
    texts = {request_hash(NamingRequest(sample), context): "Cars garden tea"}
    (kept,) = assign_names([sample], texts, lists).assigned
    (refused,) = assign_names([sample], texts, context).assigned
    assert (kept.name, kept.fallback_reason, kept.safe) == ("Cars garden tea", "", True)
    assert (refused.method, refused.fallback_reason, refused.safe) == ("salient", "unsafe", False)
    assert "car" not in refused.name.lower()
    assert request_hash(NamingRequest(sample), context) == request_hash(
        NamingRequest(sample), lists
    )  # what the model said is used again
    assert kept.content_hash != refused.content_hash


def test_names_from_terms_pass_it_too(one: Path) -> None:
    sample = journey(titles=("red car", "red car garden", "car"), terms=("red", "car"))
    (named,) = names_from_terms([sample], NamingContext(NamingConfig(), safety=filter_of(one, "harmful")))
    assert "car" not in named.name.lower()
    assert not named.safe
    assert names_from_terms([sample], NamingContext(NamingConfig(), safety=WordLists()))[0].safe


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue, and the workspace `out` with a journey of each of two users, one of them about cars."""
    titles = [*TITLES, "red car", "car garden", "cars"]
    items = pa.table({"item_id": [f"i{number}" for number in range(6)], "title": titles})
    folder = write(tmp_path_factory.mktemp("name"), {"items.parquet": items})
    about = {"item_ids": (["i0", "i1", "i2"], ["i3", "i4", "i5"]), "terms": (["tea", "pot"], ["car", "red"])}
    journeys = [
        {"user_id": f"user {user}", "journey_id": f"{user:016x}", "rank": 1, "size": 3, "timestamps": [0, 1, 2]}
        | {"weights": [0.8, 0.6], "first_timestamp": 0, "last_timestamp": 2}
        | {name: values[user] for name, values in about.items()}
        for user in range(2)
    ]
    batch = pa.RecordBatch.from_pylist(journeys, JOURNEYS.arrow)
    _, part = PartWriter(str(folder / "out"), 1).write(JOURNEYS, 0, [batch])
    written = Manifest(JOURNEYS.name, JOURNEYS.fingerprint, (part,), {}, "1", {})
    commit(str(folder / "out"), [written], {JOURNEYS.name: None})
    return folder


def name(folder: Path, workspace: Path, *options: str) -> int:
    paths = (f"--journeys={folder / 'out'}", f"--items={folder / 'items.parquet'}", f"--workspace={workspace}")
    return run_job(NameJob, [*paths, "--runner=FnApiRunner", *options])


def test_the_command_writes_no_name_that_a_classifier_refuses(folder: Path, one: Path, tmp_path: Path) -> None:
    assert name(folder, tmp_path / "lists") == 0
    assert name(folder, tmp_path / "both", f"--safety_model={one}", "--safety_labels=harmful") == 0
    lists, both = (rows(tmp_path / workspace, JOURNEY_NAMES) for workspace in ("lists", "both"))
    assert [row["safe"] for row in lists] == [True, True]
    assert [row["safe"] for row in both] == [True, False]
    assert both[0]["name"] == lists[0]["name"]
    assert "car" in str(lists[1]["name"]).lower()
    assert "car" not in str(both[1]["name"]).lower()
    assert metric_values(tmp_path / "both")["names_unsafe", ""] == 1
    described = manifest(tmp_path / "both", JOURNEY_NAMES).configuration["safety_model"]
    assert described == {
        "model": f"{one.name}@{filter_of(one, 'harmful').fingerprint[:16]}",
        "labels": ["harmful"],
        "threshold": 0.5,
    }
    assert manifest(tmp_path / "lists", JOURNEY_NAMES).configuration["safety_model"] is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--safety_labels=toxic",), "--safety_labels and --safety_threshold need a --safety_model"),
        (("--safety_threshold=.9",), "--safety_labels and --safety_threshold need a --safety_model"),
        (("--safety_model=nobody",), "--safety_model: no classifier 'nobody'; allowed are a folder"),
        (("--safety_model={one}",), "needs labels that mean unsafe"),
        (("--safety_model={one}", "--safety_labels=bad"), "has no label 'bad'; its labels are fine, harmful"),
        (("--safety_model={one}", "--safety_threshold=0"), "must be a number in (0, 1], got '0'"),
    ],
)
def test_invalid_options_are_usage_errors(
    folder: Path, one: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], said: str
) -> None:
    assert name(folder, tmp_path / "names", *(option.format(one=one) for option in options)) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "names").exists()
