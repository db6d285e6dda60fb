"""The loop alone, on a scripted model; with real models it is tested in `test_transformers_model`."""

from collections.abc import Sequence

import pytest

torch = pytest.importorskip("torch")

from transforms.language_models.decoding import decode, greedy  # noqa: E402
from transforms.language_models.decoding_state import MIN_ROWS, padded_length  # noqa: E402

pytestmark = pytest.mark.models

END = 9
VOCABULARY = 10


class Script:
    """Rows that say given tokens, and keep what was read of them."""

    def __init__(self, lines: Sequence[Sequence[int]]) -> None:
        self.rows = [list(line) for line in lines]
        self.said: list[list[int]] = [[] for _ in lines]
        self.sizes: list[int] = []

    def first(self) -> torch.Tensor:
        return self._logits()

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(tokens))
        assert len(tokens) == len(self.rows)
        for said, token in zip(self.said, tokens.tolist(), strict=True):
            said.append(token)
        return self._logits()

    def reorder(self, rows: Sequence[int]) -> None:
        self.rows = [self.rows[row] for row in rows]
        self.said = [list(self.said[row]) for row in rows]

    def _logits(self) -> torch.Tensor:
        nexts = [line[len(said)] for line, said in zip(self.rows, self.said, strict=True)]
        for line, said in zip(self.rows, self.said, strict=True):
            assert line[: len(said)] == said  # what is read is what this row said
        return torch.nn.functional.one_hot(torch.tensor(nexts), VOCABULARY).float()


def tokens_of(*given: object) -> list[list[int]]:
    return [row.tokens for row in decode(*given)]


def test_each_row_ends_by_itself_and_leaves() -> None:
    lines = [[1, 2, END], [3, END], [4, 5, 6, 7, 8, 1], [END], [2, 2, 2, END]]
    script = Script(lines)
    said = tokens_of(script, script.first(), len(lines), greedy, {END}, 5)
    assert said == [[1, 2, END], [3, END], [4, 5, 6, 7, 8], [END], [2, 2, 2, END]]
    assert script.sizes == [4, 3, 2, MIN_ROWS]


def test_a_row_is_never_read_alone() -> None:
    script = Script([[1, 2, 3, END]])
    assert tokens_of(script, script.first(), 1, greedy, {END}, 9) == [[1, 2, 3, END]]
    assert script.sizes == [MIN_ROWS] * 3
    twice = Script([[1, END], [1, END]])
    assert tokens_of(twice, twice.first(), 1, greedy, {END}, 9) == [[1, END]]


def test_where_all_end_at_once_nothing_more_is_read() -> None:
    script = Script([[END], [END]])
    assert tokens_of(script, script.first(), 2, greedy, {END}, 9) == [[END], [END]]
    assert tokens_of(script, script.first(), 2, greedy, set(), 1) == [[END], [END]]
    assert script.sizes == []


def test_tokens_are_chosen_by_the_number_of_the_row() -> None:
    prompted = []

    def choose(rows: Sequence[int], logits: torch.Tensor) -> torch.Tensor:
        prompted.append((list(rows), len(logits)))
        return greedy(rows, logits)

    script = Script([[1, END], [2, 3, END], [4, END], [5, 6, 7, END]])
    decode(script, script.first(), 4, choose, {END}, 9)
    assert prompted == [([0, 1, 2, 3], 4), ([0, 1, 2, 3], 4), ([1, 3], 2), ([3], 1)]


def test_there_is_always_padding() -> None:
    for length in range(1, 40):
        assert length < padded_length(length) <= length + 16
        assert padded_length(length) % 16 == 0
