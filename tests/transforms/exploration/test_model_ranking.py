"""The table by a language model: its rows are those of a ranking of all descriptions."""

import importlib.util
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from schemas import CLUSTERS, LOOKUP
from transforms.exploration.prompts import INSTRUCTIONS, render_prompt
from transforms.exploration.table import Block, contexts_of
from transforms.language_models.constraint import ClosedSet
from transforms.language_models.prompt_template import PromptTemplate
from transforms.language_models.spec import GenerationSpec, ModelSpec

pytestmark = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch")

DESCRIPTIONS = ("tea, pots", "tea", "green tea, cups", "jazz", "jazz, guitar")
TREE = pa.RecordBatch.from_pylist(
    [
        {
            "cluster_id": f"0{number}",
            "level": 1,
            "parent_id": None,
            "description": description,
            "keywords": description.split(", "),
            "items": 1,
            "traffic": 1,
            "centroid": [0],
            "penalty": 0,
        }
        for number, description in enumerate(DESCRIPTIONS)
    ],
    CLUSTERS.arrow,
)


def test_rows_are_the_best_members_of_each_context(tmp_path: Path) -> None:
    from tests.transforms.language_models.tiny_models import make_llama
    from transforms.exploration.model_ranking import SOURCE, rank_by_model
    from transforms.language_models.transformers_model import TransformersModel

    folder = make_llama(tmp_path / "model")
    spec = GenerationSpec(ModelSpec("folder", str(folder)), PromptTemplate(INSTRUCTIONS), dtype="float32")
    model = spec.load("cpu")
    assert isinstance(model, TransformersModel)
    block = Block(2, 0, 25)
    rows = rank_by_model(model, block, TREE, top=2)
    LOOKUP.check(rows)
    contexts = contexts_of(block, 5)
    assert len(contexts) == 20
    prompts = [render_prompt([DESCRIPTIONS[cluster] for cluster in context]) for context in contexts.tolist()]
    excluded = np.zeros((20, 5), bool)
    np.put_along_axis(excluded, contexts.astype(np.int64), values=True, axis=1)
    log_probs = model.rank(prompts, ClosedSet(DESCRIPTIONS), excluded)
    assert np.exp(log_probs).sum(axis=1) == pytest.approx(np.ones(20))
    expected = []
    for context, scores in zip(contexts.tolist(), log_probs.tolist(), strict=True):
        best = sorted(range(5), key=lambda member: (-scores[member], member))[:2]
        text = " ".join(f"0{cluster}" for cluster in context)
        expected += [(text, rank, f"0{member}") for rank, member in enumerate(best, start=1)]
    assert [(row["context"], row["rank"], row["next"]) for row in rows.to_pylist()] == expected
    assert set(rows["source"].to_pylist()) == {SOURCE}
    assert rank_by_model(model, Block(5, 0, 5**5), TREE, top=2).num_rows == 0
