import pytest

from transforms.evaluation.experiments.naming.config import NamingExperimentConfig, NamingMethod
from transforms.language_models.spec import GenerationSpec, ModelSpec
from transforms.naming.config import NamingConfig

ASKED = GenerationSpec(ModelSpec("hub", "a/b"))
TUNED = NamingConfig(method="fine_tuned")


def test_who_asks_a_model_has_one() -> None:
    NamingMethod("a", "fine_tuned", TUNED, ASKED, "b@1")
    for kind, generation, model in (("fine_tuned", None, ""), ("salient", ASKED, "b@1"), ("fine_tuned", ASKED, "")):
        with pytest.raises(ValueError, match="ask a model"):
            NamingMethod("a", kind, TUNED if generation else NamingConfig(), generation, model)
    with pytest.raises(ValueError, match="must be judged so, got salient"):
        NamingMethod("a", "fine_tuned", NamingConfig(), ASKED, "b@1")


def test_ways_have_labels_of_their_own() -> None:
    for ways in ((), (NamingMethod("a", "salient"), NamingMethod("a", "reference"))):
        with pytest.raises(ValueError, match="labels of their own"):
            NamingExperimentConfig(ways)
    with pytest.raises(ValueError, match="most_examples must be at least 2, got 1"):
        NamingExperimentConfig((NamingMethod("a", "salient"),), 1)


def test_what_they_need() -> None:
    plain, medoid, by_model = (
        NamingMethod("a", "salient"),
        NamingMethod("b", "medoid_title"),
        NamingMethod("c", "fine_tuned", TUNED, ASKED, "m"),
    )
    assert [NamingExperimentConfig((way,)).asks for way in (plain, medoid, by_model)] == [False, False, True]
    assert [NamingExperimentConfig((plain, way)).needs_encoder for way in (medoid, by_model)] == [True, False]


def test_manifests_tell_all_that_decides() -> None:
    described = NamingExperimentConfig((NamingMethod("c", "fine_tuned", TUNED, ASKED, "b@1"),), seed=3).described()
    assert described["ways"][0]["model"] == "b@1"
    assert described["ways"][0]["naming"]["max_items"] == TUNED.max_items
    assert (described["seed"], described["bleurt"]) == (3, "")
    assert described["signatures"]["bleu"].startswith("nrefs:1|")
