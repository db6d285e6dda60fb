from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.ml.inference.base import RunInference
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from hypothesis import given
from hypothesis import strategies as st

from schemas import ERRORS, GENERATIONS
from tests.transforms.beam_testing import create, run_graph
from tests.transforms.language_models.fake_model import ToyModel, ToySource, toy_answer
from transforms.columnar import MAX_ELEMENT_BYTES, concatenate
from transforms.content_hash import content_hashes
from transforms.language_models.checkpoint import GenerationCheckpoint
from transforms.language_models.generate import (
    COMPLETIONS,
    PROMPTS,
    GenerateTexts,
    LanguageModelHandler,
    batch_by_length,
    complete_batch,
    distinct_prompts,
    errors_of,
    generations_of,
    partition_cached,
)
from transforms.progress import Progress

TEXTS = [f"question {number}" for number in range(300)]
ALL = TEXTS + TEXTS[::3]
BUCKETS = 3


def rows_of(questions: Iterable[str]) -> pa.RecordBatch:
    texts = pa.array(list(questions), pa.string())
    return pa.RecordBatch.from_arrays([content_hashes(texts, "toy"), texts], schema=PROMPTS)


def generations(pairs: Iterable[tuple[str, str]]) -> pa.RecordBatch:
    questions, texts = zip(*pairs, strict=True) if pairs else ((), ())
    rows = [
        {"content_hash": hash_, "rank": 0, "text": text, "log_prob": None}
        for hash_, text in zip(rows_of(questions)["content_hash"].to_pylist(), texts, strict=True)
    ]
    return pa.RecordBatch.from_pylist(rows, GENERATIONS.arrow)


@given(st.lists(st.sampled_from(["", "one", "two", "three ☕"]), max_size=12), st.integers(0, 12), st.randoms())
def test_distinct_questions_do_not_depend_on_order_or_batches(asked: list[str], cut: int, chance: object) -> None:
    found = distinct_prompts([rows_of(asked)])
    assert found.schema == PROMPTS
    assert found["content_hash"].to_pylist() == sorted(set(rows_of(asked)["content_hash"].to_pylist()))
    assert set(found["prompt"].to_pylist()) == set(asked)
    assert all(rows_of([row["prompt"]]).to_pylist() == [row] for row in found.to_pylist())
    chance.shuffle(asked)
    shuffled = rows_of(asked)
    assert distinct_prompts([shuffled.slice(cut), shuffled.slice(0, cut)]) == found


@given(st.sets(st.sampled_from(TEXTS[:9])), st.sets(st.sampled_from(TEXTS[:9])), st.randoms())
def test_what_is_stored_is_found_and_the_rest_is_new(asked: set[str], stored: set[str], chance: object) -> None:
    questions = distinct_prompts([rows_of(sorted(asked))])
    order = sorted(stored)
    chance.shuffle(order)
    kept = generations([(question, toy_answer(question)) for question in order])
    located = kept.append_column("file", pa.array(["f"] * kept.num_rows, pa.string()))
    for batches in ([kept], [located], [kept.slice(2), kept.slice(0, 2)]):
        known, new = partition_cached(questions, batches)
        assert known.schema == GENERATIONS.arrow
        assert sorted(known["text"].to_pylist()) == sorted(map(toy_answer, asked & stored))
        assert set(new["prompt"].to_pylist()) == asked - stored
        assert new["content_hash"].to_pylist() == sorted(new["content_hash"].to_pylist())
    assert partition_cached(questions, []) == (generations([]), questions)


@given(st.randoms())
def test_pieces_are_the_same_for_any_order_of_rows(chance: object) -> None:
    asked = ["x" * (number % 7) + str(number) for number in range(150)]
    pieces = list(batch_by_length(rows_of(asked)))
    assert [piece.num_rows for piece in pieces] == [64, 64, 22]
    lengths = [len(question) for piece in pieces for question in piece["prompt"].to_pylist()]
    assert lengths == sorted(map(len, asked))
    chance.shuffle(asked)
    assert list(batch_by_length(rows_of(asked))) == pieces


def test_pieces_of_long_questions_are_small() -> None:
    asked = rows_of(f"{number}" + "x" * (MAX_ELEMENT_BYTES // 4) for number in range(10))
    pieces = list(batch_by_length(asked))
    assert max(piece.nbytes for piece in pieces) <= 1.1 * MAX_ELEMENT_BYTES
    assert sorted(row["prompt"] for piece in pieces for row in piece.to_pylist()) == sorted(asked["prompt"].to_pylist())


def test_answers_stand_where_their_questions_do(tmp_path: Path) -> None:
    questions = rows_of(["tea", "an impossible pot", "garden"])
    answers = complete_batch(questions, ToyModel(tmp_path / "calls"))
    assert answers.schema == COMPLETIONS
    assert answers.select(PROMPTS.names) == questions
    assert answers["text"].to_pylist() == [toy_answer("tea"), None, toy_answer("garden")]
    assert answers["failure"].to_pylist() == ["", "ValueError: no", ""]
    assert answers["resumed"].to_pylist() == [False] * 3
    assert generations_of(answers) == generations([(text, toy_answer(text)) for text in ("tea", "garden")])
    errors = errors_of(answers)
    ERRORS.check(errors)
    assert errors.to_pylist() == [
        {
            "dataset": "prompts",
            "file": "",
            "row": None,
            "reason": "failed",
            "payload": "ValueError: no\nan impossible pot",
        }
    ]


def test_a_model_that_does_not_answer_all_is_told(tmp_path: Path) -> None:
    class Short(ToyModel):
        def generate(self, prompts: list[str]) -> list:
            return super().generate(prompts)[1:]

    with pytest.raises(ValueError, match="shorter"):
        complete_batch(rows_of(["tea", "pot"]), Short(tmp_path / "calls"))


def test_the_journal_has_what_was_answered_and_asks_again_what_failed(tmp_path: Path) -> None:
    checkpoint = GenerationCheckpoint(str(tmp_path / "checkpoint"))
    source = ToySource(tmp_path)
    questions = rows_of(["tea", "an impossible pot", "garden"])
    first = complete_batch(questions, source.load(), checkpoint)
    second = complete_batch(questions, source.load(), checkpoint)
    assert source.calls() == [["tea", "an impossible pot", "garden"], ["an impossible pot"]]
    assert second["text"] == first["text"]
    assert second["failure"] == first["failure"]
    assert second["resumed"].to_pylist() == [True, False, True]
    other = rows_of(["tea"])
    assert complete_batch(other, source.load(), checkpoint)["resumed"].to_pylist() == [False]


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"other words", None], ids=["empty", "short", "other", "cut"])
def test_a_damaged_file_of_the_journal_is_only_lost_work(tmp_path: Path, damage: bytes | None) -> None:
    checkpoint = GenerationCheckpoint(str(tmp_path / "checkpoint"))
    questions = rows_of(["tea", "garden"])
    answers = complete_batch(questions, ToySource(tmp_path / "first").load(), checkpoint)
    (file,) = (tmp_path / "checkpoint").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    source = ToySource(tmp_path / "second")
    assert complete_batch(questions, source.load(), checkpoint) == answers
    assert source.asked() == ["tea", "garden"]
    assert file.read_bytes() == whole
    assert complete_batch(questions, source.load(), checkpoint)["resumed"].to_pylist() == [True, True]


def test_pages_of_the_journal_that_are_damaged_are_only_lost_work(tmp_path: Path) -> None:
    checkpoint = GenerationCheckpoint(str(tmp_path / "checkpoint"))
    questions = rows_of(["tea", "garden"])
    answers = complete_batch(questions, ToySource(tmp_path / "first").load(), checkpoint)
    (file,) = (tmp_path / "checkpoint").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:4] + bytes(64) + whole[68:])  # the end of a file of Parquet says what is in it
    assert complete_batch(questions, ToySource(tmp_path / "second").load(), checkpoint) == answers


def test_a_file_of_the_journal_with_other_columns_is_only_lost_work(tmp_path: Path) -> None:
    checkpoint = GenerationCheckpoint(str(tmp_path / "checkpoint"))
    questions = rows_of(["tea"])
    answers = complete_batch(questions, ToySource(tmp_path / "first").load(), checkpoint)
    (file,) = (tmp_path / "checkpoint").iterdir()
    for columns in ({"content_hash": ["a"]}, {"content_hash": [1], "text": [[2]]}):
        pq.write_table(pa.table(columns), file)
        assert complete_batch(questions, ToySource(tmp_path / "second").load(), checkpoint) == answers


def test_a_journal_is_cleared_and_nothing_beside_it(tmp_path: Path) -> None:
    checkpoint = GenerationCheckpoint(f"{tmp_path / 'checkpoint'}/")
    checkpoint.clear()
    questions = rows_of(["tea"])
    complete_batch(questions, ToySource(tmp_path).load(), checkpoint)
    (tmp_path / "checkpoint" / "notes.txt").write_text("mine")
    checkpoint.clear()
    assert [path.name for path in (tmp_path / "checkpoint").iterdir()] == ["notes.txt"]
    assert checkpoint.read(questions["content_hash"]).num_rows == 0


class Outcome:
    """What came out of one run of the graph."""

    def __init__(
        self,
        source: ToySource,
        batches: list[pa.RecordBatch],
        buckets: int = BUCKETS,
        stored: list[pa.RecordBatch] | None = None,
        checkpoint: GenerationCheckpoint | None = None,
        progress: Progress | None = None,
    ):
        def build(pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
            kept = None if stored is None else create(pipeline, "Stored", stored)
            asked = create(pipeline, "Questions", batches)
            return (asked | GenerateTexts(source, buckets, kept, checkpoint, progress or Progress()))._asdict()

        found = run_graph(build)
        self.generations = concatenate(found["generations"], GENERATIONS.arrow).sort_by("content_hash")
        self.failed = sorted(row["payload"] for errors in found["errors"] for row in errors.to_pylist())
        self.counts = Counter()
        for (metric, _), number in found["counts"]:
            self.counts[metric] += number


def expected_of(questions: Iterable[str]) -> pa.RecordBatch:
    return generations([(question, toy_answer(question)) for question in questions]).sort_by("content_hash")


EXPECTED = expected_of(TEXTS)


def test_each_distinct_question_is_put_once_to_a_model_loaded_once(tmp_path: Path) -> None:
    source = ToySource(tmp_path)
    found = Outcome(source, [rows_of(ALL[:90]), rows_of(ALL[90:])])
    assert found.generations == EXPECTED
    GENERATIONS.check(found.generations)
    assert found.failed == []
    assert found.counts == Counter(
        {"prompts_read": 300, "generations_cached": 0, "generations_resumed": 0, "generations_new": 300}
    )
    assert sorted(source.asked()) == sorted(TEXTS)
    assert max(map(len, source.calls())) <= 64
    assert source.loads() == 1


def test_answers_do_not_depend_on_order_or_buckets(tmp_path: Path) -> None:
    found = Outcome(ToySource(tmp_path), [rows_of(ALL[::-2]), rows_of([]), rows_of(ALL[-2::-2])], buckets=7)
    assert found.generations == EXPECTED


def test_what_goes_through_together_does_not_depend_on_the_order_of_the_input(tmp_path: Path) -> None:
    forth, back = ToySource(tmp_path / "forth"), ToySource(tmp_path / "back")
    Outcome(forth, [rows_of(ALL[:40]), rows_of(ALL[40:])])
    Outcome(back, [rows_of(ALL[::-1])])
    assert sorted(forth.calls()) == sorted(back.calls())


def test_stored_answers_are_not_asked_again(tmp_path: Path) -> None:
    source = ToySource(tmp_path)
    stored = [generations([(question, f"earlier {question}") for question in [*TEXTS[:20], "not asked"]])]
    found = Outcome(source, [rows_of(ALL)], stored=stored)
    assert sorted(source.asked()) == sorted(TEXTS[20:])
    answers = dict(
        zip(found.generations["content_hash"].to_pylist(), found.generations["text"].to_pylist(), strict=True)
    )
    hashes = rows_of(TEXTS)["content_hash"].to_pylist()
    assert [answers[each] for each in hashes[:20]] == [f"earlier {question}" for question in TEXTS[:20]]
    assert [answers[each] for each in hashes[20:]] == [toy_answer(question) for question in TEXTS[20:]]
    assert len(answers) == found.generations.num_rows == 300
    assert found.counts == Counter(
        {"prompts_read": 300, "generations_cached": 20, "generations_resumed": 0, "generations_new": 280}
    )
    last = Outcome(source, [rows_of(ALL)], buckets=5, stored=[found.generations])
    assert last.generations == found.generations
    assert last.counts == Counter({"prompts_read": 300, "generations_cached": 300})
    assert len(source.asked()) == 280


def test_questions_that_fail_are_errors_and_are_asked_again_next_time(tmp_path: Path) -> None:
    source = ToySource(tmp_path / "toy")
    checkpoint = GenerationCheckpoint(str(tmp_path / "checkpoint"))
    progress = Progress()
    impossible = ["impossible 1", "an impossible 2"]
    found = Outcome(source, [rows_of([*impossible, *TEXTS, *impossible])], checkpoint=checkpoint)
    assert found.generations == EXPECTED
    assert found.failed == sorted(f"ValueError: no\n{question}" for question in impossible)
    assert found.counts == Counter(
        {"prompts_read": 302, "generations_cached": 0, "generations_resumed": 0, "generations_new": 300}
    )
    before = source.calls()
    stored = [found.generations]
    for kept, resumed, reused in ((None, 300, 0), (stored, 0, 300)):
        again = Outcome(source, [rows_of([*TEXTS, *impossible])], stored=kept, checkpoint=checkpoint, progress=progress)
        assert sorted(question for call in source.calls()[len(before) :] for question in call) == sorted(impossible)
        before = source.calls()
        assert again.generations == EXPECTED
        assert again.failed == found.failed
        assert again.counts == Counter(
            {
                "prompts_read": 302,
                "generations_cached": reused,
                "generations_resumed": resumed,
                "generations_new": 0,
            }
        )


@pytest.mark.parametrize("killed_after", [0, 3])
def test_a_killed_job_goes_on_where_it_was(tmp_path: Path, killed_after: int) -> None:
    checkpoint = GenerationCheckpoint(str(tmp_path / "checkpoint"))
    killed = ToySource(tmp_path / "killed", killed_after)
    with pytest.raises(Exception, match="no power"):
        Outcome(killed, [rows_of(ALL)], checkpoint=checkpoint)
    kept = {question for call in killed.calls()[:killed_after] for question in call}
    assert len(kept) == sum(map(len, killed.calls()[:killed_after]))
    assert len(killed.calls()) == killed_after + 1
    again = ToySource(tmp_path / "again")
    found = Outcome(again, [rows_of(ALL[::-1])], checkpoint=checkpoint)
    assert sorted(again.asked()) == sorted(set(TEXTS) - kept)
    assert found.generations == EXPECTED
    assert found.counts == Counter(
        {
            "prompts_read": 300,
            "generations_cached": 0,
            "generations_resumed": len(kept),
            "generations_new": 300 - len(kept),
        }
    )


def test_nothing_gives_nothing(tmp_path: Path) -> None:
    source = ToySource(tmp_path)
    found = Outcome(source, [rows_of([])], stored=[expected_of(TEXTS[:1])])
    assert found.generations.num_rows == 0
    assert found.counts.total() == 0
    assert source.calls() == []


def test_unknown_arguments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no inference_args, got \['top_k'\]"):
        (
            beam.Pipeline(FnApiRunner())
            | beam.Create([rows_of(TEXTS)])
            | RunInference(LanguageModelHandler(ToySource(tmp_path)), inference_args={"top_k": 1})
        )
