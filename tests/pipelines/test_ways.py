import argparse

import pytest

from pipelines.common import models
from pipelines.common.command_line import UsageError
from pipelines.evaluate import naming_methods as ways
from pipelines.evaluate.naming_methods import parse_naming_methods, resolve_naming_methods
from transforms.encoders.spec import EncoderSpec
from transforms.language_models.spec import ModelSpec
from transforms.naming.selection import NameSelectorConfig


@pytest.fixture(autouse=True)
def _models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model and adapter is there."""
    monkeypatch.setattr(ways, "resolve_language_model", lambda _option, name, adapter: ModelSpec("hub", name, adapter))
    monkeypatch.setattr(models, "resolve_encoder", lambda _option, name: EncoderSpec("hub", name))
    monkeypatch.setattr(ways, "check_adapter", lambda _option, _adapter, _method: None)
    monkeypatch.setattr(
        ways, "model_label", lambda asked: f"{asked.model.name}@{asked.prompt_template.fingerprint()[:4]}"
    )


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("salient", "salient"),
        ("first_title", "first title"),
        ("medoid_title", "medoid title"),
        ("reference", "reference"),
        ("few_shot=smollm2", "few-shot smollm2, 8 examples"),
        ("few_shot=some/Model-1.5B,examples=0", "few-shot Model-1.5B, 0 examples"),
        ("few_shot=/a/b/model/,metadata=both,max_items=3", "few-shot model, 8 examples, 3 items, both"),
        ("prompt_tuned=smollm2,adapter=x/y", "prompt-tuned smollm2 + y"),
        ("fine_tuned=builtin", "fine-tuned builtin"),
        ("fine_tuned=http://host:8000/v1#org/name", "fine-tuned name"),
        ("fine_tuned=builtin,candidates=4,encoder=static", "fine-tuned builtin, 4 candidates, chosen by static"),
        ("My way: fine_tuned=smollm2, adapter=x", "My way"),
        ("few_shot: few_shot=http://host:8000/v1#n", "few_shot"),
    ],
)
def test_labels(text: str, label: str) -> None:
    (way,) = resolve_naming_methods(parse_naming_methods(text))
    assert way.label == label


def test_ways_keep_their_order_and_what_is_said_of_them() -> None:
    found = resolve_naming_methods(
        parse_naming_methods(" salient;few_shot=m,examples=2,max_items=4 ; fine_tuned=m,adapter=a,metadata=terms;")
    )
    assert [way.kind for way in found] == ["salient", "few_shot", "fine_tuned"]
    salient, few_shot, fine_tuned = found
    assert (salient.asked, salient.model) == (None, "")
    assert few_shot.asked is not None
    assert len(few_shot.asked.prompt_template.examples) == few_shot.naming.examples == 2
    assert few_shot.naming.max_items == 4
    assert fine_tuned.asked is not None
    assert fine_tuned.asked.model == ModelSpec("hub", "m", "a")
    assert fine_tuned.asked.prompt_template.examples == ()
    assert (fine_tuned.naming.method, fine_tuned.naming.metadata) == ("fine_tuned", "terms")
    assert few_shot.model != fine_tuned.model


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (";", "must be .* got ';'"),
        ("salient reference", "must be .* got 'salient reference'"),
        ("x: y", "'y' is none of reference, salient"),
        ("few_shot=m,examples", "'examples' is no setting of few_shot"),
        (
            "few_shot=m,colour=red",
            "'colour=red' is no setting of few_shot; allowed are adapter, candidates, encoder, examples",
        ),
        ("few_shot=m,max_items=0", "max_items must be a whole number"),
    ],
)
def test_what_is_not_allowed_is_told(text: str, message: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        parse_naming_methods(text)


def test_a_name_may_be_chosen_of_several() -> None:
    found = resolve_naming_methods(
        parse_naming_methods(
            "fine_tuned=m; few_shot=m,candidates=4,encoder=e; fine_tuned=builtin; One: fine_tuned=builtin,candidates=1"
        )
    )
    plain, few_shot, builtin, one = [way.selector for way in found]
    assert plain is None
    assert few_shot == NameSelectorConfig(found[1].naming, EncoderSpec("hub", "e"))
    assert isinstance(builtin, NameSelectorConfig)
    assert [way.generation.decoding.num_sequences for way in found if way.generation] == [1, 4, 8, 1]
    assert one is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fine_tuned=m,encoder=e", "an encoder is for a choice among candidates"),
        (
            "few_shot=http://host/v1#m,candidates=2",
            "candidates are told by a model that this machine loads, and by no endpoint",
        ),
    ],
)
def test_a_choice_needs_candidates(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve_naming_methods(parse_naming_methods(text))


def test_prompt_tuning_needs_its_prompt() -> None:
    with pytest.raises(UsageError, match="needs an adapter, the folder"):
        resolve_naming_methods(parse_naming_methods("prompt_tuned=m"))
    with pytest.raises(UsageError, match="needs an adapter, which goes with no endpoint"):
        resolve_naming_methods(parse_naming_methods("prompt_tuned=http://host/v1#m"))
