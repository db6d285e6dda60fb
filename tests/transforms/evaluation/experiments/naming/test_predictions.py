import numpy as np
import pytest

from tests.transforms.evaluation.experiments.naming.builders import example, examples, made_examples
from transforms.content_hash import content_hash
from transforms.evaluation.experiments.naming.config import NamingMethod
from transforms.evaluation.experiments.naming.predictions import (
    predict_names,
    prompts_of_method,
    sample_examples,
    titles_of,
)
from transforms.language_models.interface import Completion
from transforms.language_models.spec import GenerationSpec, ModelSpec
from transforms.naming.config import NamingConfig
from transforms.naming.prompt import load_instructions, render_prompt, select_fields

TITLES = ["Red tea pots of Japan", "Tea pots for two", " ", "How tea pots are made"]
ROWS = examples([example("Tea pots", TITLES, terms=["tea pots", "japan"]), example("Nothing", [])])
TEA = ROWS["name"].to_pylist().index("Tea pots")


def with_model(naming: NamingConfig) -> NamingMethod:
    return NamingMethod(naming.method, naming.method, naming, GenerationSpec(ModelSpec("hub", "a/b")), "model")


class TestSample:
    ROWS = examples(made_examples(40))

    def test_only_the_test_split(self) -> None:
        assert {"train", "test"} == set(self.ROWS["split"].to_pylist())
        sample = sample_examples([self.ROWS], 1000)
        assert set(sample.rows["split"].to_pylist()) == {"test"}
        assert sample.rows.num_rows == sample.available == 40

    def test_it_does_not_depend_on_the_order_of_rows_and_grows_with_its_size(self) -> None:
        sample = sample_examples([self.ROWS], 10)
        shuffled = self.ROWS.take(np.random.default_rng(0).permutation(self.ROWS.num_rows))
        assert sample_examples([shuffled.slice(0, 9), shuffled.slice(9)], 10) == sample
        ids = sample.rows["example_id"].to_pylist()
        assert ids == sorted(ids)
        assert set(ids) < set(sample_examples([self.ROWS], 11).rows["example_id"].to_pylist())
        assert sample.available == 40

    def test_it_takes_two_to_compare(self) -> None:
        with pytest.raises(ValueError, match="at least 2 examples of the test split, got 0"):
            sample_examples([self.ROWS.slice(0, 0)], 10)


class TestPrompts:
    def test_they_are_those_of_name(self) -> None:
        naming = NamingConfig(method="few_shot", max_items=2, prompt_fields="both", max_terms=1)
        prompts = prompts_of_method(ROWS, with_model(naming)).to_pylist()
        prompt = render_prompt(select_fields(["Tea pots for two", "How tea pots are made"], ["tea pots"], "both"))
        sources = ["Tea pots for two", "How tea pots are made", "tea pots"]
        assert prompts == [{"content_hash": content_hash(prompt, "model"), "prompt": prompt, "sources": sources}]

    def test_no_prompt_without_titles_and_terms(self) -> None:
        nothing = examples([example("a", []), example("b", [" "])])
        assert prompts_of_method(nothing, with_model(NamingConfig(method="fine_tuned"))).num_rows == 0


class TestNames:
    @pytest.mark.parametrize(
        ("method", "name", "rejection"),
        [
            (NamingMethod("a", "reference"), "Tea pots", ""),
            (NamingMethod("a", "first_title"), "Red tea pots of Japan", "single_title"),
            (NamingMethod("a", "medoid_title"), "How tea pots are made", "single_title"),
            (NamingMethod("a", "salient"), "Tea pots", ""),
        ],
    )
    def test_without_a_model(self, method: NamingMethod, name: str, rejection: str) -> None:
        found = predict_names(method, ROWS, {}, [2, None] if TEA == 0 else [None, 2])
        assert (found.names[TEA], found.rejections[TEA]) == (name, rejection)

    @pytest.mark.parametrize(
        ("text", "name", "rejection"),
        [
            ('1. "Pots for **tea**."', "Pots for tea", ""),
            ("Tea pots for two", "Tea pots for two", "single_title"),
            ("?!", "", "blank"),
            (None, "", "no_completion"),
            (load_instructions(1).examples[0].name, load_instructions(1).examples[0].name, "echo"),
        ],
    )
    def test_outputs_are_cleaned_and_validated_and_never_replaced(
        self, text: str | None, name: str, rejection: str
    ) -> None:
        method = with_model(NamingConfig(method="few_shot", num_examples=1))
        (hashed,) = prompts_of_method(ROWS, method)["content_hash"].to_pylist()
        completions = {} if text is None else {hashed: [Completion(text, -1.0)], "another": [Completion("No", -2.0)]}
        found = predict_names(method, ROWS, completions)
        assert (found.names[TEA], found.rejections[TEA]) == (name, rejection)
        assert (found.names[1 - TEA], found.rejections[1 - TEA]) == ("", "no_completion")

    def test_titles_that_are_not_blank(self) -> None:
        assert titles_of(ROWS)[TEA] == [TITLES[0], TITLES[1], TITLES[3]]
        assert titles_of(ROWS)[1 - TEA] == []
        assert predict_names(NamingMethod("a", "first_title"), ROWS, {}).rejections[1 - TEA] == "no_completion"
