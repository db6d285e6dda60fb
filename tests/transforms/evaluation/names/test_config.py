import pytest

from transforms.evaluation.names.config import NamesConfig, Way
from transforms.language_models.spec import GenerationSpec, ModelSpec
from transforms.naming.config import NamingConfig

ASKED = GenerationSpec(ModelSpec("hub", "a/b"))
TUNED = NamingConfig(method="fine_tuned")


def test_who_asks_a_model_has_one() -> None:
    Way("a", "fine_tuned", TUNED, ASKED, "b@1")
    for kind, generation, model in (("fine_tuned", None, ""), ("salient", ASKED, "b@1"), ("fine_tuned", ASKED, "")):
        with pytest.raises(ValueError, match="ask a model"):
            Way("a", kind, TUNED if generation else NamingConfig(), generation, model)
    with pytest.raises(ValueError, match="must be judged so, got salient"):
        Way("a", "fine_tuned", NamingConfig(), ASKED, "b@1")


def test_ways_have_labels_of_their_own() -> None:
    for ways in ((), (Way("a", "salient"), Way("a", "reference"))):
        with pytest.raises(ValueError, match="labels of their own"):
            NamesConfig(ways)
    with pytest.raises(ValueError, match="most_examples must be at least 2, got 1"):
        NamesConfig((Way("a", "salient"),), 1)


def test_what_they_need() -> None:
    plain, medoid, by_model = Way("a", "salient"), Way("b", "medoid_title"), Way("c", "fine_tuned", TUNED, ASKED, "m")
    assert [NamesConfig((way,)).asks for way in (plain, medoid, by_model)] == [False, False, True]
    assert [NamesConfig((plain, way)).needs_encoder for way in (medoid, by_model)] == [True, False]


def test_manifests_tell_all_that_decides() -> None:
    described = NamesConfig((Way("c", "fine_tuned", TUNED, ASKED, "b@1"),), seed=3).described()
    assert described["ways"][0]["model"] == "b@1"
    assert described["ways"][0]["naming"]["max_items"] == TUNED.max_items
    assert (described["seed"], described["bleurt"]) == (3, "")
    assert described["signatures"]["bleu"].startswith("nrefs:1|")
