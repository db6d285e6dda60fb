"""Beam search: the likeliest names of texts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from transforms.language_models.compact.network import Memory, Network, Told
from transforms.language_models.compact.spelling import Spelled

Draw = Callable[[Tensor], Tensor]
"""Changes logarithms of chances, shape (examples, vocabulary), so that the greatest of each row is a draw."""

_NEVER = -1e9


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """How names are looked for.

    Attributes:
        beams: names that are followed at a time, at least 1.
        longest: pieces that a name has at most, at least 1.
        length_power: names are compared by the logarithm of their chance, divided by this power of the number of their
            pieces, so that long names are not always the worse.
        banned: pieces that no name has.
    """

    beams: int
    longest: int
    length_power: float
    banned: tuple[int, ...] = ()


class Found(NamedTuple):
    """A name, and the logarithm of its chance, by its length."""

    score: float
    spelled: Spelled


class _Beams(NamedTuple):
    """Names that are followed, those that have ended among them; all of shape (examples, beams, ...).

    Attributes:
        chances: their logarithms.
        lengths: pieces, the end among them.
        ended: whether they have ended.
        pieces: so far.
        marks: of the pieces.
    """

    chances: Tensor
    lengths: Tensor
    ended: Tensor
    pieces: Tensor
    marks: Tensor


def likeliest_names(network: Network, told: Told, config: SearchConfig, draw: Draw | None = None) -> list[list[Found]]:
    """Names of each example, the best first, as many as there are beams.

    What is found for an example depends on nothing beside it but float noise.

    Args:
        network: in evaluation mode.
        told: the texts.
        config: how names are looked for.
        draw: makes chances into draws, of one beam; None: nothing is drawn.
    """
    with torch.inference_mode():
        memory = network.remember(told)
        space = _Space(network, told, config)
        beams = _first_beams(len(told.pieces), config.beams, told.pieces.device)
        x = memory.start[:, None].expand(-1, config.beams, -1)
        past: list[Any] = [None] * len(network.layers)
        for place in range(config.longest + 1):
            hidden, past = network.step(x, place, memory, past)
            chances = space.chances(hidden, memory, beams, draw)
            sources, beams = _longer(beams, chances, space, config)
            if bool(beams.ended.all()):
                break
            rows = (torch.arange(len(sources), device=sources.device)[:, None] * config.beams + sources).flatten()
            marks = network.marks_of(hidden.flatten(0, 1)[rows].view_as(hidden), beams.pieces[..., -1]).argmax(dim=-1)
            beams = beams._replace(marks=torch.cat([beams.marks, marks[..., None]], dim=2))
            past = [(keys[rows], values[rows]) for keys, values in past]
            x = network.embed(beams.pieces[..., -1])
        return _found(beams, config)


def _first_beams(examples: int, beams: int, device: torch.device) -> _Beams:
    """One name without pieces for each example, and others that are never followed."""
    chances = torch.full((examples, beams), _NEVER, device=device)
    chances[:, 0] = 0
    none = torch.zeros((examples, beams, 0), dtype=torch.long, device=device)
    lengths = torch.zeros((examples, beams), dtype=torch.long, device=device)
    return _Beams(chances, lengths, lengths > 0, none, none)


def _longer(beams: _Beams, chances: Tensor, space: _Space, config: SearchConfig) -> tuple[Tensor, _Beams]:
    """The best names with a piece more, and the numbers of those that they go on from; ended ones stay as they are."""
    lengths = beams.lengths + ~beams.ended
    total = beams.chances[..., None] + chances
    compared = (total / lengths[..., None] ** config.length_power).flatten(1)
    where = compared.topk(config.beams, dim=1).indices
    sources, pieces = where // chances.shape[2], space.pieces[where % chances.shape[2]]
    before = sources[..., None].expand(-1, -1, beams.pieces.shape[2])
    return sources, _Beams(
        total.flatten(1).gather(1, where),
        lengths.gather(1, sources),
        pieces == space.end,
        torch.cat([beams.pieces.gather(1, before), pieces[..., None]], dim=2),
        beams.marks.gather(1, before),
    )


def _found(beams: _Beams, config: SearchConfig) -> list[list[Found]]:
    compared = (beams.chances / beams.lengths**config.length_power).tolist()
    possible = (beams.chances > _NEVER / 2).tolist()
    lengths, pieces, marks = (beams.lengths - 1).tolist(), beams.pieces.tolist(), beams.marks.tolist()
    return [
        [
            Found(score, Spelled(said[:length], marked[:length]))
            for score, may, length, said, marked in zip(*of_example, strict=True)
            if may
        ]
        for of_example in zip(compared, possible, lengths, pieces, marks, strict=True)
    ]


class _Space:
    """The pieces that may be said about some examples: those that the network knows, and those of the texts.

    Attributes:
        pieces: their ids, shape (pieces,), the network's own first, of which the first is the end of a name.
        end: the id of the end.
    """

    def __init__(self, network: Network, told: Told, config: SearchConfig) -> None:
        self._network = network
        self._longest = config.longest
        self._vocabulary = len(network.places)
        own = torch.unique(told.pieces[told.mask])
        self.pieces = torch.cat([network.known, own[network.places[own] < 0]])
        self.end = int(network.known[0])
        places = torch.zeros(self._vocabulary, dtype=torch.long, device=own.device)
        places[self.pieces] = torch.arange(len(self.pieces), device=own.device)
        self._told = places[told.pieces]
        self._banned = [place for place, piece in enumerate(self.pieces.tolist()) if piece in set(config.banned)]

    def chances(self, hidden: Tensor, memory: Memory, beams: _Beams, draw: Draw | None) -> Tensor:
        """Logarithms of the chances of `pieces` to be said next, shape (examples, beams, pieces).

        Not said are what is banned, a name without a piece, and more pieces than are allowed. An ended name ends again,
        at no cost.
        """
        known, copied = self._network.chances(hidden, memory)
        likely = hidden.new_zeros((*hidden.shape[:2], len(self.pieces)))
        likely[..., : known.shape[2]] = known.exp()
        likely.scatter_add_(2, self._told[:, None].expand_as(copied), copied.exp() * memory.mask[:, None])
        chances = torch.where(likely > 0, likely.log(), _NEVER)
        chances[..., self._banned] = _NEVER
        said = beams.pieces.shape[2]
        if not said:
            chances[..., 0] = _NEVER
        if draw is not None:
            chances = self._drawn(chances, draw)
        closed = beams.ended | (said == self._longest)
        end = torch.where(beams.ended, 0.0, chances[..., 0])
        chances = chances.masked_fill(closed[..., None], _NEVER)
        chances[..., 0] = torch.where(closed, end, chances[..., 0])
        return chances

    def _drawn(self, chances: Tensor, draw: Draw) -> Tensor:
        """Draws over the whole vocabulary, so that what is drawn for an example does not depend on others' texts."""
        whole = chances.new_full((len(chances), self._vocabulary), _NEVER)
        whole[:, self.pieces] = chances[:, 0]
        return draw(whole)[:, self.pieces][:, None]
