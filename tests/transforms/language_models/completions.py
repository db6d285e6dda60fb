"""Completions as tests compare them."""

from transforms.language_models.interface import Completion, NBest


def completed(text: str, log_prob: float | None = None) -> NBest:
    """One completion."""
    return NBest((Completion(text, log_prob),))


def no_completion(failure: str) -> NBest:
    """No completion, for this reason."""
    return NBest((), failure)


def top_text(nbest: NBest) -> str | None:
    """The text of rank 0; None where the model failed."""
    return nbest.completions[0].text if nbest.completions else None
