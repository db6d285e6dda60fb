"""What decides what the network looks like, and how it is taught. Imports nothing that takes long."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """The decoder's shape. Its encoder is all-MiniLM-L6-v2, which is never changed.

    Attributes:
        width: numbers that stand for one piece of a name; a multiple of `heads`.
        heads: of each attention.
        layers: of the decoder.
        hidden: numbers between the two halves of a layer's feed-forward network.
        text_pieces: a text is cut after so many word pieces.
        name_pieces: a name has at most so many.

    Raises:
        ValueError: naming the attribute, what was given and what is allowed.
    """

    width: int = 256
    heads: int = 4
    layers: int = 2
    hidden: int = 1024
    text_pieces: int = 30
    name_pieces: int = 16

    def __post_init__(self) -> None:
        _at_least(self, {field.name: 1 for field in dataclasses.fields(self)})
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads = {self.heads}, got {self.width}")


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How the network is taught.

    Attributes:
        epochs: how often each example is seen at most, at least 1.
        patience: training ends after so many epochs that are no better on the part `validation`, at least 1; what is
            kept is the best epoch.
        batch: examples in a step, at least 1.
        learning_rate: its highest; it rises over `warm_up` steps and falls by a cosine.
        warm_up: steps, at least 1.
        weight_decay: of AdamW, on matrices.
        dropout: in [0, 1).
        forgotten: share of a name's pieces that the network is not told when it has to say the next, in [0, 1).
        least_texts: texts of an example that are told at least; where it has fewer, all.
        most_texts: texts that are told at most; how many, and which, is drawn anew in each epoch.
        kept_texts: titles of one example that are drawn from, at least `most_texts`; decides memory.
        most_terms: terms of an example that are told at most, at least 1.
        with_terms: share of examples that are told with their terms, too.
        terms_alone: share of examples that are told by their terms alone.
        most_of_source: examples of one source in an epoch; which, is drawn anew.
        least_uses: word pieces that fewer names use are copied from texts, or not used at all.
        seed: of all chance.

    Raises:
        ValueError: naming the attribute, what was given and what is allowed.
    """

    epochs: int = 30
    patience: int = 4
    batch: int = 64
    learning_rate: float = 1.5e-3
    warm_up: int = 200
    weight_decay: float = 0.05
    dropout: float = 0.2
    forgotten: float = 0.15
    least_texts: int = 3
    most_texts: int = 8
    kept_texts: int = 12
    most_terms: int = 6
    with_terms: float = 0.4
    terms_alone: float = 0.1
    most_of_source: int = 500
    least_uses: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        counts = ("epochs", "patience", "batch", "warm_up", "least_texts", "most_terms", "most_of_source", "least_uses")
        least = dict.fromkeys(counts, 1) | {"most_texts": self.least_texts, "kept_texts": self.most_texts, "seed": 0}
        _at_least(self, least)
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")
        if not self.weight_decay >= 0:
            raise ValueError(f"weight_decay must be at least 0, got {self.weight_decay}")
        for name in ("dropout", "forgotten", "with_terms", "terms_alone"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be in [0, 1), got {getattr(self, name)}")
        if self.with_terms + self.terms_alone > 1:
            raise ValueError(
                f"with_terms and terms_alone must not exceed 1 together, got {self.with_terms} and {self.terms_alone}"
            )


def _at_least(config: NetworkConfig | TrainingConfig, least: dict[str, int]) -> None:
    for name, lowest in least.items():
        if getattr(config, name) < lowest:
            raise ValueError(f"{name} must be at least {lowest}, got {getattr(config, name)}")
