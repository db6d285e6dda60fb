"""`python -m benchmarks.closed_set --workspace`: measure exact ranking of a closed set, compared with free decoding.

The prompts are those of random contexts of the clusters of a workspace. Free decoding generates at most one token more
than a description has on average, so that a model without an adapter does not generate long texts. All methods run
alternately, in rounds, so that other load of the machine affects all of them. Seconds are CPU time of this process,
without loading the model. Prints JSON: seconds per context, the ratio of each method to free decoding, the match rate
of free decoding, and how often a valid generation is ranked first by its full probability.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from transformers import AutoTokenizer

from schemas import CLUSTERS
from transforms.datasets.files import resolve_source
from transforms.datasets.reading import read_dataset
from transforms.exploration.model_ranking import prompts_of
from transforms.exploration.prompts import INSTRUCTIONS
from transforms.exploration.stages import clusters_of_level
from transforms.language_models.constraint import ClosedSet
from transforms.language_models.decoding import DecodingConfig
from transforms.language_models.prompt_template import PromptTemplate, tokenize_completion
from transforms.language_models.spec import GenerationSpec, parse_model_spec
from transforms.language_models.transformers_model import TransformersModel

_FREE = "free decoding"


def measure(
    workspace: str, model: str, adapter: str, level: int, contexts: int, repeats: int, seed: int
) -> dict[str, Any]:
    """Measure the CPU time of free decoding, and of ranking the first one, the first ten and all descriptions.

    Args:
        workspace: a workspace with `clusters`.
        model: a language model, as `explore --model` names it.
        adapter: folder of a PEFT adapter; empty: none.
        level: level of the tree, from 1; 0: the last one.
        contexts: number of random contexts of two clusters.
        repeats: number of rounds, of which medians are returned.
        seed: random seed of the contexts.
    """
    clusters = clusters_of_level(
        read_dataset(CLUSTERS, resolve_source(f"{workspace}/{CLUSTERS.name}")).to_batches(), level
    )
    descriptions = clusters["description"].to_pylist()
    pairs = _distinct_pairs(len(descriptions), contexts, seed)
    prompts = prompts_of(pairs, descriptions)
    spec = GenerationSpec(parse_model_spec(model, adapter), PromptTemplate(INSTRUCTIONS))
    tokens = math.ceil(_mean_tokens(spec, descriptions)) + 1
    loaded = TransformersModel(*spec.model.locate(), spec.template, DecodingConfig(max_new_tokens=tokens))
    closed_set = ClosedSet(tuple(descriptions))
    excluded = np.zeros((len(prompts), len(descriptions)), bool)
    np.put_along_axis(excluded, pairs, True, axis=1)
    works: dict[str, Callable[[], Any]] = {
        _FREE: lambda: loaded.generate(prompts),
        "first": lambda: loaded.top(prompts, closed_set, 1, excluded),
        "first ten": lambda: loaded.top(prompts, closed_set, 10, excluded),
        "all": lambda: loaded.rank(prompts, closed_set, excluded),
    }
    seconds = _median_seconds(works, repeats)
    generated = [each.completions[0].text for each in loaded.generate(prompts)]
    valid = [row for row, text in enumerate(generated) if text in set(descriptions)]
    first = (
        _count_first(loaded, closed_set, [prompts[row] for row in valid], [generated[row] for row in valid])
        if valid
        else 0
    )
    return {
        "descriptions": len(descriptions),
        "tokens of free decoding": tokens,
        "contexts": contexts,
        "seconds per context": {name: round(value / contexts, 4) for name, value in seconds.items()},
        "ratio to free decoding": {name: round(value / seconds[_FREE], 3) for name, value in seconds.items()},
        "match rate of free decoding": round(len(valid) / contexts, 3),
        "valid generations that are ranked first": f"{first} of {len(valid)}",
    }


def _mean_tokens(spec: GenerationSpec, texts: list[str]) -> float:
    folder, _ = spec.model.locate()
    tokenizer = AutoTokenizer.from_pretrained(folder.folder, local_files_only=True, trust_remote_code=False)
    return statistics.mean(len(tokenize_completion(tokenizer, text, folder.encoder_decoder)) for text in texts)


def _distinct_pairs(clusters: int, count: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.stack([generator.choice(clusters, 2, replace=False) for _ in range(count)]).astype(np.int32)


def _count_first(model: TransformersModel, closed_set: ClosedSet, prompts: list[str], generated: list[str]) -> int:
    """Count the generated members that are ranked first by their full probability."""
    first, _ = model.top(prompts, closed_set, 1, score="full")
    return sum(text == closed_set.outputs[member] for text, member in zip(generated, first[:, 0].tolist(), strict=True))


def _median_seconds(works: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            started = time.process_time()
            work()
            times[name].append(time.process_time() - started)
    return {name: statistics.median(found) for name, found in times.items()}


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(prog="closed_set", description=__doc__)
    parser.add_argument("--workspace", default="exploration", help="Workspace with `clusters`.")
    parser.add_argument("--model", default="smollm2", help="Language model.")
    parser.add_argument("--adapter", default="", help="Folder of a PEFT adapter of the model.")
    parser.add_argument("--level", type=int, default=0, help="Level of the tree, from 1; 0: the last one.")
    parser.add_argument("--contexts", type=int, default=64, help="Number of contexts.")
    parser.add_argument("--repeats", type=int, default=3, help="Number of rounds.")
    parser.add_argument("--seed", type=int, default=0, help="Random seed of the contexts.")
    given = parser.parse_args()
    print(json.dumps(measure(**vars(given)), indent=2))


if __name__ == "__main__":
    main()
