import pytest

from transforms.evaluation.experiments.naming.config import NamingExperimentConfig, NamingMethod
from transforms.evaluation.experiments.naming.experiment import NamingExperiment
from transforms.language_models.spec import GenerationSpec, ModelSpec
from transforms.naming.config import NamingConfig

GENERATION = GenerationSpec(ModelSpec("hub", "a/b"))
TUNED = NamingConfig(method="fine_tuned")


def test_methods_with_a_model_need_one() -> None:
    NamingMethod("a", "fine_tuned", TUNED, GENERATION, "b@1")
    for kind, generation, model in (
        ("fine_tuned", None, ""),
        ("salient", GENERATION, "b@1"),
        ("fine_tuned", GENERATION, ""),
    ):
        with pytest.raises(ValueError, match="a language model is needed by few_shot"):
            NamingMethod("a", kind, TUNED if generation else NamingConfig(), generation, model)
    with pytest.raises(ValueError, match="method must be fine_tuned, got salient"):
        NamingMethod("a", "fine_tuned", NamingConfig(), GENERATION, "b@1")


def test_labels_are_distinct() -> None:
    for methods in ((), (NamingMethod("a", "salient"), NamingMethod("a", "reference"))):
        with pytest.raises(ValueError, match="methods must have distinct labels"):
            NamingExperimentConfig(methods)
    with pytest.raises(ValueError, match="max_examples must be at least 2, got 1"):
        NamingExperimentConfig((NamingMethod("a", "salient"),), 1)


def test_needs() -> None:
    plain, medoid, by_model = (
        NamingMethod("a", "salient"),
        NamingMethod("b", "medoid_title"),
        NamingMethod("c", "fine_tuned", TUNED, GENERATION, "m"),
    )
    assert [NamingExperimentConfig((method,)).uses_language_model for method in (plain, medoid, by_model)] == [
        False,
        False,
        True,
    ]
    assert [NamingExperimentConfig((plain, method)).needs_encoder for method in (medoid, by_model)] == [True, False]


def test_the_configuration_determines_the_metrics() -> None:
    config = NamingExperimentConfig((NamingMethod("c", "fine_tuned", TUNED, GENERATION, "b@1"),), seed=3)
    described = NamingExperiment(config).configuration()
    assert described["methods"][0]["model"] == "b@1"
    assert described["methods"][0]["naming"]["max_items"] == TUNED.max_items
    assert (described["seed"], described["bleurt"]) == (3, "")
    assert described["signatures"]["bleu"].startswith("nrefs:1|")
