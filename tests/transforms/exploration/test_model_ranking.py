"""The table by a language model: its rows are those of a ranking of all descriptions."""

import dataclasses
import importlib.util
import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from schemas import CLUSTERS, LOOKUP
from transforms.datasets.row_checkpoint import RowCheckpoint
from transforms.exploration import model_ranking
from transforms.exploration.blocks import Block, contexts_of, count_contexts, sharing_blocks
from transforms.exploration.cost import estimate_cost, sample_blocks
from transforms.exploration.model_ranking import (
    SOURCE,
    ModelRanking,
    RankByModel,
    contexts_to_rank,
    prompts_of,
    rank_by_model,
)
from transforms.exploration.prompts import INSTRUCTIONS, render_prompt
from transforms.exploration.transitions import Codes
from transforms.language_models.constraint import ClosedSet
from transforms.language_models.prompt_template import PromptTemplate
from transforms.language_models.spec import GenerationSpec, ModelSpec
from transforms.language_models.token_counts import count_prompt_tokens
from transforms.language_models.transformers_model import TransformersModel
from transforms.progress import Progress

pytestmark = [
    pytest.mark.models,
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch"),
]

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


@pytest.fixture(scope="module")
def ranking(tmp_path_factory: pytest.TempPathFactory) -> ModelRanking:
    from tests.transforms.language_models.tiny_models import make_llama

    folder = make_llama(tmp_path_factory.mktemp("llama") / "model")
    spec = GenerationSpec(ModelSpec("folder", str(folder)), PromptTemplate(INSTRUCTIONS), dtype="float32")
    return ModelRanking(spec, "renormalized", top=2)


def test_rows_are_the_best_members_of_each_context(ranking: ModelRanking) -> None:
    model = ranking.load()
    block = Block(2, 0, 25)
    contexts = contexts_to_rank(block, TREE)
    rows = rank_by_model(model, ranking, contexts, TREE)
    LOOKUP.check(rows)
    assert len(contexts) == 20
    prompts = [render_prompt([DESCRIPTIONS[cluster] for cluster in context]) for context in contexts.tolist()]
    assert prompts_of(contexts, DESCRIPTIONS) == prompts
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
    assert len(contexts_to_rank(Block(5, 0, 5**5), TREE)) == 0


def test_blocks_share_all_but_the_last_cluster() -> None:
    blocks = list(sharing_blocks((1, 2, 3), 5, 3))
    found = [tuple(context) for block in blocks for context in contexts_of(block, 5).tolist()]
    assert found == [context for size in (1, 2, 3) for context in itertools.permutations(range(5), size)]
    assert len(found) == count_contexts((1, 2, 3), 5)
    for block in blocks:
        contexts = contexts_of(block, 5)
        assert len(contexts) <= 3
        assert len({tuple(context[:-1]) for context in contexts.tolist()}) <= 1


def test_contexts_of_all_clusters_are_not_counted() -> None:
    assert count_contexts((1, 2, 3), 3) == 3 + 6


class KilledError(Exception):
    """The process ends."""


def test_a_killed_job_ranks_no_block_twice(
    ranking: ModelRanking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = list(sharing_blocks((1, 2), 5, 3))
    expected = [contexts_to_rank(block, TREE).tolist() for block in blocks]
    checkpoint = RowCheckpoint(str(tmp_path), LOOKUP)

    def run(kept: RowCheckpoint, stop_after: int) -> tuple[list[list[list[int]]], list[pa.RecordBatch]]:
        ranked: list[list[list[int]]] = []
        rank = model_ranking.rank_by_model

        def counted(model: TransformersModel, config: ModelRanking, contexts: Codes, tree: pa.RecordBatch) -> object:
            if len(ranked) == stop_after:
                raise KilledError
            ranked.append(contexts.tolist())
            return rank(model, config, contexts, tree)

        with monkeypatch.context() as patched:
            patched.setattr(model_ranking, "rank_by_model", counted)
            stage = RankByModel(ranking, ranking.fingerprint(), kept, Progress())
            outputs = []
            try:
                for block in blocks:
                    outputs += [each for each in stage.process(block, TREE) if isinstance(each, pa.RecordBatch)]
            except KilledError:
                pass
        return ranked, outputs

    first, _ = run(checkpoint, 3)
    second, _ = run(checkpoint, 2)
    third, _ = run(checkpoint, 4)
    fourth, resumed = run(checkpoint, 1000)
    assert (len(first), len(second), len(third)) == (3, 2, 4)
    assert first + second + third + fourth == expected
    everything, uninterrupted = run(RowCheckpoint(str(tmp_path / "other"), LOOKUP), 1000)
    assert everything == expected
    assert pa.Table.from_batches(resumed).equals(pa.Table.from_batches(uninterrupted))


def test_other_clusters_or_settings_are_ranked_again(ranking: ModelRanking, tmp_path: Path) -> None:
    checkpoint = RowCheckpoint(str(tmp_path), LOOKUP)
    block = Block(1, 0, 5)

    def rows(used: ModelRanking, tree: pa.RecordBatch) -> pa.RecordBatch:
        stage = RankByModel(used, used.fingerprint(), checkpoint, Progress())
        (found,) = (each for each in stage.process(block, tree) if isinstance(each, pa.RecordBatch))
        return found

    assert rows(ranking, TREE).num_rows == 10
    assert rows(dataclasses.replace(ranking, top=3), TREE).num_rows == 15
    renamed = TREE.set_column(3, CLUSTERS.arrow.field(3), pa.array([f"{text} b" for text in DESCRIPTIONS]))
    full = dataclasses.replace(ranking, score="full")
    scores = [rows(*each)["score"].to_pylist() for each in ((ranking, TREE), (ranking, renamed), (full, TREE))]
    assert len({tuple(each) for each in scores}) == 3


def test_the_cost_is_that_of_the_measured_contexts(ranking: ModelRanking, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(range(0, 1000, 2))
    cost = estimate_cost(ranking, TREE, 2, 5.0, clock=lambda: next(times))
    assert cost.contexts == 25
    assert cost.measured_contexts == 12  # three of five blocks in six seconds, the last reading of the clock is at 8
    assert cost.seconds == pytest.approx(8 * 25 / 12)
    blocks = sharing_blocks((2,), 5, 64)
    prompts = [prompt for block in blocks for prompt in prompts_of(contexts_of(block, 5), DESCRIPTIONS)]
    mean = count_prompt_tokens(ranking.spec, prompts).mean()
    assert cost.tokens == pytest.approx(25 * mean, rel=0.1)


@pytest.mark.parametrize(("size", "clusters"), [(1, 4), (2, 7), (3, 6), (2, 130), (3, 3)])
def test_each_context_but_the_last_cluster_is_sampled_once(size: int, clusters: int) -> None:
    blocks = list(sample_blocks(size, clusters))
    assert len({block.start // clusters for block in blocks}) == len(blocks) == clusters ** (blocks[0].size - 1)
    assert {block.size for block in blocks} == {min(size, clusters - 1)}


def test_a_single_cluster_has_no_cost(ranking: ModelRanking) -> None:
    with pytest.raises(ValueError, match="1 clusters are too few"):
        estimate_cost(ranking, TREE.slice(0, 1), 2, 1.0)


def test_selected_contexts_alone_are_ranked(ranking: ModelRanking, tmp_path: Path) -> None:
    stage = RankByModel(ranking, ranking.fingerprint(), RowCheckpoint(str(tmp_path), LOOKUP), Progress())

    def rows(*selected: pa.StringArray) -> pa.Table:
        blocks = sharing_blocks((1, 2), 5, 3)
        outputs = (each for block in blocks for each in stage.process(block, TREE, *selected))
        return pa.Table.from_batches((each for each in outputs if isinstance(each, pa.RecordBatch)), LOOKUP.arrow)

    every, some = rows(), rows(pa.array(["01", "02 00", "04 03", "04 04", "99"]))
    contexts = pa.array(["01", "02 00", "04 03"])
    expected = every.filter(pc.is_in(every["context"], contexts))
    assert some.drop_columns("score").equals(expected.drop_columns("score"))
    # Other contexts are read in the same batch, so that float32 scores differ in their last bits on some processors.
    np.testing.assert_allclose(some["score"], expected["score"], atol=3e-4)
    assert some["context"].unique().to_pylist() == contexts.to_pylist()
