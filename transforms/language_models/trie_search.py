"""Beam search in a token trie: the most probable members of a closed set of outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from transforms.language_models.constraint import ROOT, TokenTrie
from transforms.language_models.decoding_state import MIN_ROWS, DecodingState

if TYPE_CHECKING:
    import torch


class Found(NamedTuple):
    """A member of the set.

    Attributes:
        member: its index among the sequences of the trie.
        log_prob: natural logarithm of the probability of its tokens under the model. It is not renormalised to the
            members of the set, so it does not depend on the set.
    """

    member: int
    log_prob: float


class _Beam(NamedTuple):
    """A prefix of some members: its row in the decoding state, its node, and its log-probability."""

    prompt: int
    row: int
    node: int
    log_prob: float


class _Step(NamedTuple):
    """A beam, continued by one token."""

    beam: _Beam
    token: int


def search_trie(
    state: DecodingState, logits: torch.Tensor, prompts: int, trie: TokenTrie, beams: int
) -> list[list[Found]]:
    """Find the most probable members for each prompt.

    At each step the most probable `beams` prefixes of a prompt are kept. A prefix that is less probable than as many
    complete members is dropped: log-probabilities never grow. With as many beams as members the result is exact.

    Args:
        state: of the prompts, and possibly of further rows behind them.
        logits: of the first token, for all rows of the state, shape (rows of the state, vocabulary).
        prompts: number of prompts.
        trie: the allowed token sequences.
        beams: maximum number of prefixes and of members of a prompt, at least 1.

    Returns:
        For each prompt at most `beams` distinct members, the most probable first; ties in the order of tokens.
    """
    import torch

    found: list[list[Found]] = [[] for _ in range(prompts)]
    active = [_Beam(prompt, prompt, ROOT, 0.0) for prompt in range(prompts)]
    while active:
        steps = [step for of_prompt in _expand(active, logits, trie) for step in _select(of_prompt, found, trie, beams)]
        if not steps:
            break
        rows = [step.beam.row for step in steps]
        tokens = [step.token for step in steps]
        missing = MIN_ROWS - len(steps)
        state.reorder(rows + rows[-1:] * missing)
        logits = state.step(torch.tensor(tokens + tokens[-1:] * missing, device=logits.device))
        active = [step.beam._replace(row=row) for row, step in enumerate(steps)]
    return found


def _expand(active: Sequence[_Beam], logits: torch.Tensor, trie: TokenTrie) -> list[list[_Step]]:
    """Return all continuations of the beams inside the trie, grouped by prompt."""
    import torch

    children = [trie.children(beam.node) for beam in active]
    width = max(map(len, children), default=0)
    if not width:
        return []
    ids = torch.tensor([[token for token, _ in each] + [0] * (width - len(each)) for each in children])
    current = logits[[beam.row for beam in active]]
    gains = (current.gather(1, ids.to(current.device)) - current.logsumexp(-1, keepdim=True)).tolist()
    by_prompt: dict[int, list[_Step]] = {}
    for beam, each, row in zip(active, children, gains, strict=True):
        for (token, node), gain in zip(each, row, strict=False):
            continued = beam._replace(node=node, log_prob=beam.log_prob + gain)
            by_prompt.setdefault(beam.prompt, []).append(_Step(continued, token))
    return list(by_prompt.values())


def _select(steps: Sequence[_Step], found: list[list[Found]], trie: TokenTrie, beams: int) -> list[_Step]:
    """Move complete members of one prompt to `found`, and return the prefixes that may still become one of the best."""
    members = found[steps[0].beam.prompt]
    members += [
        Found(member, step.beam.log_prob) for step in steps if (member := trie.member(step.beam.node)) is not None
    ]
    members.sort(key=lambda each: -each.log_prob)
    del members[beams:]
    worst = members[-1].log_prob if len(members) == beams else float("-inf")
    prefixes = [step for step in steps if trie.member(step.beam.node) is None and step.beam.log_prob > worst]
    return sorted(prefixes, key=lambda step: -step.beam.log_prob)[:beams]
