"""A language model whose answer is one of several candidates, chosen by something else."""

from __future__ import annotations

from collections.abc import Sequence

from transforms.language_models.spec import Answer, Choice, ConsideringModel

BEGINNINGS = "likeliest first tokens, 1"
"""Part of the fingerprint; its number goes up when models tell other candidates."""


class Choosing:
    """A language model that answers with what is chosen among its candidates.

    Args:
        model: what tells candidates.
        choice: what chooses.
        number: how many candidates are told.
    """

    def __init__(self, model: ConsideringModel, choice: Choice, number: int) -> None:
        self._model = model
        self._choice = choice
        self._number = number

    def answer(self, questions: Sequence[str]) -> list[Answer]:
        """One answer for each question, in their order; where the model failed, so did the answer."""
        considered = self._model.consider(questions, self._number)
        some = [place for place, each in enumerate(considered) if not each.failure]
        chosen = self._choice([questions[place] for place in some], [considered[place].candidates for place in some])
        answers = [Answer(None, each.failure) for each in considered]
        for place, text in zip(some, chosen, strict=True):
            answers[place] = Answer(text)
        return answers
