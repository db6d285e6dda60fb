import pytest

from pipelines.common import models
from pipelines.common.command_line import UsageError
from pipelines.evaluate import naming_methods
from pipelines.evaluate.naming_methods import resolve_naming_methods
from transforms.encoders.spec import EncoderSpec
from transforms.evaluation.experiments.naming.methods import parse_naming_methods
from transforms.language_models.spec import ModelSpec
from transforms.naming.selection import NameSelectorConfig


@pytest.fixture(autouse=True)
def _models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model and adapter is available."""

    def language_model(_option: str, name: str, adapter: str) -> ModelSpec:
        return ModelSpec("hub", name, adapter)

    def encoder(_option: str, name: str) -> EncoderSpec:
        return EncoderSpec("minilm") if name == "minilm" else EncoderSpec("hub", name)

    monkeypatch.setattr(naming_methods, "resolve_language_model", language_model)
    monkeypatch.setattr(models, "resolve_encoder", encoder)
    monkeypatch.setattr(naming_methods, "check_adapter", lambda _option, _adapter, _method: None)
    monkeypatch.setattr(
        naming_methods, "model_label", lambda spec: f"{spec.model.name}@{spec.template.fingerprint()[:4]}"
    )


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("salient", "salient"),
        ("first_title", "first title"),
        ("medoid_title", "medoid title"),
        ("reference", "reference"),
        ("few_shot=smollm2", "few-shot smollm2, 8 examples"),
        ("few_shot=some/Model-1.5B,num_examples=0", "few-shot Model-1.5B, 0 examples"),
        ("few_shot=/a/b/model/,prompt_fields=both,max_items=3", "few-shot model, 8 examples, 3 items, both"),
        ("prompt_tuned=smollm2,adapter=x/y", "prompt-tuned smollm2 + y"),
        ("fine_tuned=builtin", "fine-tuned builtin"),
        ("fine_tuned=http://host:8000/v1#org/name", "fine-tuned name"),
        ("fine_tuned=builtin,dtype=int8", "fine-tuned builtin, int8"),
        ("fine_tuned=builtin,num_candidates=4,encoder=static", "fine-tuned builtin, selected by static, 4 candidates"),
        ("My method: fine_tuned=smollm2, adapter=x", "My method"),
        ("few_shot: few_shot=http://host:8000/v1#n", "few_shot"),
    ],
)
def test_labels(text: str, label: str) -> None:
    (method,) = resolve_naming_methods(text)
    assert method.label == label


def test_methods_keep_their_order_and_settings() -> None:
    found = resolve_naming_methods(
        " salient;few_shot=m,num_examples=2,max_items=4 ; fine_tuned=m,adapter=a,prompt_fields=terms,dtype=int8;"
    )
    assert [method.kind for method in found] == ["salient", "few_shot", "fine_tuned"]
    salient, few_shot, fine_tuned = found
    assert (salient.generation, salient.model) == (None, "")
    assert few_shot.generation is not None
    assert len(few_shot.generation.template.examples) == few_shot.naming.num_examples == 2
    assert few_shot.naming.max_items == 4
    assert fine_tuned.generation is not None
    assert fine_tuned.generation.model == ModelSpec("hub", "m", "a")
    assert fine_tuned.generation.template.examples == ()
    assert (fine_tuned.naming.method, fine_tuned.naming.prompt_fields) == ("fine_tuned", "terms")
    assert (few_shot.generation.dtype, fine_tuned.generation.dtype) == ("auto", "int8")
    assert few_shot.model != fine_tuned.model


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (";", "must be .* got ';'"),
        ("salient reference", "must be .* got 'salient reference'"),
        ("x: y", "'y' is not one of reference, salient"),
        ("few_shot=m,num_examples", "'num_examples' is not a setting of few_shot"),
        (
            "few_shot=m,colour=red",
            "'colour=red' is not a setting of few_shot; allowed are adapter, dtype, encoder, max_items, num_candidates",
        ),
        ("few_shot=m,max_items=0", "max_items must be an integer in"),
    ],
)
def test_invalid_methods(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_naming_methods(text)


def test_a_name_may_be_selected_from_several() -> None:
    found = resolve_naming_methods(
        "fine_tuned=m; few_shot=m,num_candidates=4,encoder=e; fine_tuned=builtin; "
        "One: fine_tuned=builtin,num_candidates=1"
    )
    plain, few_shot, builtin, one = [method.selector for method in found]
    assert plain is None
    assert few_shot == NameSelectorConfig(found[1].naming, EncoderSpec("hub", "e"))
    assert isinstance(builtin, NameSelectorConfig)
    assert one is None
    numbers = [method.generation.decoding.num_sequences for method in found if method.generation]
    assert numbers == [1, 4, 8, 1]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("", EncoderSpec("minilm", dtype="auto")),
        (",dtype=auto", EncoderSpec("minilm", dtype="auto")),
        (",dtype=int8", EncoderSpec("minilm", dtype="int8")),
        (",dtype=float32", EncoderSpec("minilm")),
        (",dtype=bfloat16,encoder=minilm", EncoderSpec("minilm")),
        (",dtype=int8,encoder=a/b", EncoderSpec("hub", "a/b")),
    ],
)
def test_the_encoder_of_the_selection_is_in_int8_where_the_model_is(settings: str, expected: EncoderSpec) -> None:
    (method,) = resolve_naming_methods(f"fine_tuned=builtin{settings}")
    assert isinstance(method.selector, NameSelectorConfig)
    assert method.selector.encoder == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fine_tuned=m,encoder=e", "candidates"),
        ("few_shot=http://host/v1#m,num_candidates=2", "candidates"),
    ],
)
def test_a_selection_needs_candidates(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve_naming_methods(text)


def test_an_endpoint_has_no_data_type() -> None:
    with pytest.raises(UsageError, match="dtype needs a model that is loaded here, not an endpoint"):
        resolve_naming_methods("few_shot=http://host/v1#m,dtype=int8")


def test_prompt_tuning_needs_its_prompt() -> None:
    with pytest.raises(UsageError, match="needs an adapter, the folder"):
        resolve_naming_methods("prompt_tuned=m")
    with pytest.raises(UsageError, match="needs an adapter, which endpoints"):
        resolve_naming_methods("prompt_tuned=http://host/v1#m")
