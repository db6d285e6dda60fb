import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
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
from tests.transforms.language_models.completions import completed
from tests.transforms.language_models.fake_model import KilledError, ToyModel, ToySource, toy_completion
from transforms.columnar import MAX_ELEMENT_BYTES, concatenate
from transforms.content_hash import content_hashes
from transforms.datasets.row_checkpoint import RowCheckpoint
from transforms.language_models.generate import (
    COMPLETIONS,
    PROMPTS,
    GenerateTexts,
    LanguageModelHandler,
    batch_by_length,
    complete_batch,
    distinct_prompts,
    errors_of,
    failures_of,
    generations_of,
    partition_cached,
)
from transforms.language_models.interface import Batch, NBest, collect_batches
from transforms.progress import Progress

TEXTS = [f"question {number}" for number in range(300)]
ALL = TEXTS + TEXTS[::3]
BUCKETS = 3


def rows_of(requests: Iterable[str]) -> pa.RecordBatch:
    texts = pa.array(list(requests), pa.string())
    sources = pa.array([text.split() for text in texts.to_pylist()], PROMPTS.field("sources").type)
    return pa.RecordBatch.from_arrays([content_hashes(texts, "toy"), texts, sources], schema=PROMPTS)


def generations(pairs: Iterable[tuple[str, str]]) -> pa.RecordBatch:
    requests, texts = zip(*pairs, strict=True) if pairs else ((), ())
    rows = [
        {"content_hash": hash_, "rank": 0, "text": text, "log_prob": None}
        for hash_, text in zip(rows_of(requests)["content_hash"].to_pylist(), texts, strict=True)
    ]
    return pa.RecordBatch.from_pylist(rows, GENERATIONS.arrow)


@given(st.lists(st.sampled_from(["", "one", "two", "three ☕"]), max_size=12), st.integers(0, 12), st.randoms())
def test_distinct_prompts_do_not_depend_on_order_or_batches(prompted: list[str], cut: int, chance: object) -> None:
    found = distinct_prompts([rows_of(prompted)])
    assert found.schema == PROMPTS
    assert found["content_hash"].to_pylist() == sorted(set(rows_of(prompted)["content_hash"].to_pylist()))
    assert set(found["prompt"].to_pylist()) == set(prompted)
    assert all(rows_of([row["prompt"]]).to_pylist() == [row] for row in found.to_pylist())
    chance.shuffle(prompted)
    shuffled = rows_of(prompted)
    assert distinct_prompts([shuffled.slice(cut), shuffled.slice(0, cut)]) == found


@given(st.sets(st.sampled_from(TEXTS[:9])), st.sets(st.sampled_from(TEXTS[:9])), st.randoms())
def test_what_is_stored_is_found_and_the_rest_is_new(prompted: set[str], stored: set[str], chance: object) -> None:
    requests = distinct_prompts([rows_of(sorted(prompted))])
    order = sorted(stored)
    chance.shuffle(order)
    kept = generations([(prompt, toy_completion(prompt)) for prompt in order])
    located = kept.append_column("file", pa.array(["f"] * kept.num_rows, pa.string()))
    for batches in ([kept], [located], [kept.slice(2), kept.slice(0, 2)]):
        existing, new = partition_cached(requests, batches)
        assert existing.schema == GENERATIONS.arrow
        assert sorted(existing["text"].to_pylist()) == sorted(map(toy_completion, prompted & stored))
        assert set(new["prompt"].to_pylist()) == prompted - stored
        assert new["content_hash"].to_pylist() == sorted(new["content_hash"].to_pylist())
    assert partition_cached(requests, []) == (generations([]), requests)


@given(st.randoms())
def test_chunks_are_the_same_for_any_order_of_rows(chance: object) -> None:
    prompted = ["x" * (number % 7) + str(number) for number in range(150)]
    chunks = list(batch_by_length(rows_of(prompted)))
    assert [chunk.num_rows for chunk in chunks] == [64, 64, 22]
    lengths = [len(prompt) for chunk in chunks for prompt in chunk["prompt"].to_pylist()]
    assert lengths == sorted(map(len, prompted))
    chance.shuffle(prompted)
    assert list(batch_by_length(rows_of(prompted))) == chunks


def test_chunks_of_long_prompts_are_small() -> None:
    prompted = rows_of(f"{number}" + "x" * (MAX_ELEMENT_BYTES // 4) for number in range(10))
    chunks = list(batch_by_length(prompted))
    assert max(chunk.nbytes for chunk in chunks) <= 1.1 * MAX_ELEMENT_BYTES
    assert sorted(row["prompt"] for chunk in chunks for row in chunk.to_pylist()) == sorted(
        prompted["prompt"].to_pylist()
    )


def test_completions_stand_where_their_prompts_do(tmp_path: Path) -> None:
    requests = rows_of(["tea", "an impossible pot", "garden"])
    completions = complete_batch(requests, ToyModel(tmp_path / "calls"))
    assert completions.schema == COMPLETIONS
    assert completions.select(PROMPTS.names) == requests
    assert completions["text"].to_pylist() == [toy_completion("tea"), None, toy_completion("garden")]
    assert completions["failure"].to_pylist() == ["", "ValueError: no", ""]
    assert completions["resumed"].to_pylist() == [False] * 3
    assert generations_of(completions) == generations([(text, toy_completion(text)) for text in ("tea", "garden")])
    errors = errors_of(completions)
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


def refuse_tea(sources: Sequence[str], text: str) -> str:
    return "refused" if "tea" in sources or text == "no" else ""


def test_a_reply_that_is_no_completion_is_an_error_of_its_own_and_not_kept(tmp_path: Path) -> None:
    checkpoint = RowCheckpoint(str(tmp_path / "checkpoint"), GENERATIONS)
    requests = rows_of(["tea", "garden", "an impossible pot"])
    completions = complete_batch(requests, ToyModel(tmp_path / "calls"), checkpoint, refuse_tea)
    assert completions["text"].to_pylist() == [None, toy_completion("garden"), None]
    assert completions["reason"].to_pylist() == ["refused", "", "failed"]
    assert checkpoint.read(requests["content_hash"])["text"].to_pylist() == [toy_completion("garden")]
    assert [(row["dataset"], row["reason"]) for row in errors_of(completions).to_pylist()] == [
        ("replies", "refused"),
        ("prompts", "failed"),
    ]
    hashes = requests["content_hash"].to_pylist()
    assert failures_of(completions).to_pylist() == [{"content_hash": hashes[0], "reason": "refused"}]


def test_stored_texts_that_are_no_completions_are_new_prompts() -> None:
    requests = rows_of(["tea", "garden", "pots"])
    stored = generations([("tea", "kept"), ("garden", "no"), ("pots", "kept")])
    cached, new = partition_cached(requests, [stored], refuse_tea)
    assert cached == generations([("pots", "kept")])
    assert new == requests.slice(0, 2)


def test_a_model_that_checks_its_replies_gets_the_sources_of_each_prompt(tmp_path: Path) -> None:
    class Checking(ToyModel):
        def generate_checked(self, prompts: Sequence[str], sources: Sequence[Sequence[str]]) -> Iterator[Batch]:
            assert [prompt.split() for prompt in prompts] == sources
            yield list(range(len(prompts)))[::-1], self.generate(prompts)[::-1]

    completions = complete_batch(rows_of(["a pot", "red tea", "my garden"]), Checking(tmp_path / "calls"))
    assert completions["text"].to_pylist() == list(map(toy_completion, ["a pot", "red tea", "my garden"]))


def test_a_model_that_does_not_complete_all_is_reported(tmp_path: Path) -> None:
    class Short(ToyModel):
        def generate(self, prompts: list[str]) -> list:
            return super().generate(prompts)[1:]

    with pytest.raises(ValueError, match="shorter"):
        complete_batch(rows_of(["tea", "pot"]), Short(tmp_path / "calls"))


def test_the_checkpoint_has_completions_and_failures_are_retried(tmp_path: Path) -> None:
    checkpoint = RowCheckpoint(str(tmp_path / "checkpoint"), GENERATIONS)
    source = ToySource(tmp_path)
    requests = rows_of(["tea", "an impossible pot", "garden"])
    first = complete_batch(requests, source.load(), checkpoint)
    second = complete_batch(requests, source.load(), checkpoint)
    assert source.calls() == [["tea", "an impossible pot", "garden"], ["an impossible pot"]]
    assert second["text"] == first["text"]
    assert second["failure"] == first["failure"]
    assert second["resumed"].to_pylist() == [True, False, True]
    other = rows_of(["tea"])
    assert complete_batch(other, source.load(), checkpoint)["resumed"].to_pylist() == [False]


@dataclasses.dataclass
class SlowModel:
    """Completes prompts one by one, each in some seconds, until it is killed."""

    clock: list[float]
    seconds: float
    killed_after: int | None = None
    prompted: list[str] = dataclasses.field(default_factory=list)

    def generate(self, prompts: Sequence[str]) -> list[NBest]:
        return collect_batches(self.generate_batches(prompts))

    def generate_batches(self, prompts: Sequence[str]) -> Iterator[Batch]:
        for index in reversed(range(len(prompts))):  # in an order of its own
            if len(self.prompted) == self.killed_after:
                raise KilledError("no power")
            self.prompted.append(prompts[index])
            self.clock.append(self.clock[-1] + self.seconds)
            yield [index], [completed(toy_completion(prompts[index]))]


@pytest.mark.parametrize(("seconds", "lost"), [(31, 0), (16, 1), (0, 5)])
def test_a_killed_batch_loses_less_than_a_minute(tmp_path: Path, seconds: float, lost: int) -> None:
    checkpoint = RowCheckpoint(str(tmp_path / "checkpoint"), GENERATIONS)
    requests = rows_of([f"text {number}" for number in range(8)])
    clock = [0.0]
    killed = SlowModel(clock, seconds, killed_after=5)
    with pytest.raises(KilledError):
        complete_batch(requests, killed, checkpoint, clock=lambda: clock[-1])
    model, progress = SlowModel(clock, seconds), Progress(str(tmp_path / "progress"))
    completions = complete_batch(requests, model, checkpoint, progress=progress, clock=lambda: clock[-1])
    repeated = killed.prompted[5 - lost :]
    assert sorted([*killed.prompted, *model.prompted]) == sorted([*requests["prompt"].to_pylist(), *repeated])
    texts = [toy_completion(prompt) for prompt in requests["prompt"].to_pylist()]
    assert completions["text"].to_pylist() == texts
    resumed = completions.filter(completions["resumed"])["prompt"].to_pylist()
    assert sorted(resumed) == sorted(killed.prompted[: 5 - lost])
    assert progress.done() == {"prompts": 8}


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"other words", None], ids=["empty", "short", "other", "cut"])
def test_a_damaged_file_of_the_checkpoint_is_only_lost_work(tmp_path: Path, damage: bytes | None) -> None:
    checkpoint = RowCheckpoint(str(tmp_path / "checkpoint"), GENERATIONS)
    requests = rows_of(["tea", "garden"])
    completions = complete_batch(requests, ToySource(tmp_path / "first").load(), checkpoint)
    (file,) = (tmp_path / "checkpoint").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    source = ToySource(tmp_path / "second")
    assert complete_batch(requests, source.load(), checkpoint) == completions
    assert source.prompted() == ["tea", "garden"]
    assert file.read_bytes() == whole
    assert complete_batch(requests, source.load(), checkpoint)["resumed"].to_pylist() == [True, True]


def test_pages_of_the_checkpoint_that_are_damaged_are_only_lost_work(tmp_path: Path) -> None:
    checkpoint = RowCheckpoint(str(tmp_path / "checkpoint"), GENERATIONS)
    requests = rows_of(["tea", "garden"])
    completions = complete_batch(requests, ToySource(tmp_path / "first").load(), checkpoint)
    (file,) = (tmp_path / "checkpoint").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:4] + bytes(64) + whole[68:])  # the end of a file of Parquet says what is in it
    assert complete_batch(requests, ToySource(tmp_path / "second").load(), checkpoint) == completions


def test_a_file_of_the_checkpoint_with_other_columns_is_only_lost_work(tmp_path: Path) -> None:
    checkpoint = RowCheckpoint(str(tmp_path / "checkpoint"), GENERATIONS)
    requests = rows_of(["tea"])
    completions = complete_batch(requests, ToySource(tmp_path / "first").load(), checkpoint)
    (file,) = (tmp_path / "checkpoint").iterdir()
    for columns in ({"content_hash": ["a"]}, {"content_hash": [1], "text": [[2]]}):
        pq.write_table(pa.table(columns), file)
        assert complete_batch(requests, ToySource(tmp_path / "second").load(), checkpoint) == completions


def test_a_checkpoint_is_cleared_and_nothing_beside_it(tmp_path: Path) -> None:
    checkpoint = RowCheckpoint(f"{tmp_path / 'checkpoint'}/", GENERATIONS)
    checkpoint.clear()
    requests = rows_of(["tea"])
    complete_batch(requests, ToySource(tmp_path).load(), checkpoint)
    (tmp_path / "checkpoint" / "notes.txt").write_text("mine")
    checkpoint.clear()
    assert [path.name for path in (tmp_path / "checkpoint").iterdir()] == ["notes.txt"]
    assert checkpoint.read(requests["content_hash"]).num_rows == 0


class Outcome:
    """What came out of one run of the graph."""

    def __init__(
        self,
        source: ToySource,
        batches: list[pa.RecordBatch],
        buckets: int = BUCKETS,
        stored: list[pa.RecordBatch] | None = None,
        checkpoint: RowCheckpoint | None = None,
        progress: Progress | None = None,
    ):
        def build(pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
            kept = None if stored is None else create(pipeline, "Stored", stored)
            prompted = create(pipeline, "Questions", batches)
            return (prompted | GenerateTexts(source, buckets, kept, checkpoint, progress or Progress()))._asdict()

        found = run_graph(build)
        self.generations = concatenate(found["generations"], GENERATIONS.arrow).sort_by("content_hash")
        self.failed = sorted(row["payload"] for errors in found["errors"] for row in errors.to_pylist())
        self.counts = Counter()
        for (metric, _), number in found["counts"]:
            self.counts[metric] += number


def expected_of(requests: Iterable[str]) -> pa.RecordBatch:
    return generations([(prompt, toy_completion(prompt)) for prompt in requests]).sort_by("content_hash")


EXPECTED = expected_of(TEXTS)


def test_each_distinct_prompt_is_put_once_to_a_model_loaded_once(tmp_path: Path) -> None:
    source = ToySource(tmp_path)
    found = Outcome(source, [rows_of(ALL[:90]), rows_of(ALL[90:])])
    assert found.generations == EXPECTED
    GENERATIONS.check(found.generations)
    assert found.failed == []
    assert found.counts == Counter(
        {"prompts_read": 300, "generations_cached": 0, "generations_resumed": 0, "generations_new": 300}
    )
    assert sorted(source.prompted()) == sorted(TEXTS)
    assert max(map(len, source.calls())) <= 64
    assert source.loads() == 1


def test_completions_do_not_depend_on_order_or_buckets(tmp_path: Path) -> None:
    found = Outcome(ToySource(tmp_path), [rows_of(ALL[::-2]), rows_of([]), rows_of(ALL[-2::-2])], buckets=7)
    assert found.generations == EXPECTED


def test_what_goes_through_together_does_not_depend_on_the_order_of_the_input(tmp_path: Path) -> None:
    forth, back = ToySource(tmp_path / "forth"), ToySource(tmp_path / "back")
    Outcome(forth, [rows_of(ALL[:40]), rows_of(ALL[40:])])
    Outcome(back, [rows_of(ALL[::-1])])
    assert sorted(forth.calls()) == sorted(back.calls())


def test_stored_completions_are_not_requested_again(tmp_path: Path) -> None:
    source = ToySource(tmp_path)
    stored = [generations([(prompt, f"earlier {prompt}") for prompt in [*TEXTS[:20], "not asked"]])]
    found = Outcome(source, [rows_of(ALL)], stored=stored)
    assert sorted(source.prompted()) == sorted(TEXTS[20:])
    completions = dict(
        zip(found.generations["content_hash"].to_pylist(), found.generations["text"].to_pylist(), strict=True)
    )
    hashes = rows_of(TEXTS)["content_hash"].to_pylist()
    assert [completions[each] for each in hashes[:20]] == [f"earlier {prompt}" for prompt in TEXTS[:20]]
    assert [completions[each] for each in hashes[20:]] == [toy_completion(prompt) for prompt in TEXTS[20:]]
    assert len(completions) == found.generations.num_rows == 300
    assert found.counts == Counter(
        {"prompts_read": 300, "generations_cached": 20, "generations_resumed": 0, "generations_new": 280}
    )
    last = Outcome(source, [rows_of(ALL)], buckets=5, stored=[found.generations])
    assert last.generations == found.generations
    assert last.counts == Counter({"prompts_read": 300, "generations_cached": 300})
    assert len(source.prompted()) == 280


def test_prompts_that_fail_are_errors_and_are_requested_again_next_time(tmp_path: Path) -> None:
    source = ToySource(tmp_path / "toy")
    checkpoint = RowCheckpoint(str(tmp_path / "checkpoint"), GENERATIONS)
    progress = Progress()
    impossible = ["impossible 1", "an impossible 2"]
    found = Outcome(source, [rows_of([*impossible, *TEXTS, *impossible])], checkpoint=checkpoint)
    assert found.generations == EXPECTED
    assert found.failed == sorted(f"ValueError: no\n{prompt}" for prompt in impossible)
    assert found.counts == Counter(
        {"prompts_read": 302, "generations_cached": 0, "generations_resumed": 0, "generations_new": 300}
    )
    before = source.calls()
    stored = [found.generations]
    for kept, resumed, reused in ((None, 300, 0), (stored, 0, 300)):
        again = Outcome(source, [rows_of([*TEXTS, *impossible])], stored=kept, checkpoint=checkpoint, progress=progress)
        assert sorted(prompt for call in source.calls()[len(before) :] for prompt in call) == sorted(impossible)
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
    checkpoint = RowCheckpoint(str(tmp_path / "checkpoint"), GENERATIONS)
    killed = ToySource(tmp_path / "killed", killed_after)
    with pytest.raises(Exception, match="no power"):
        Outcome(killed, [rows_of(ALL)], checkpoint=checkpoint)
    kept = {prompt for call in killed.calls()[:killed_after] for prompt in call}
    assert len(kept) == sum(map(len, killed.calls()[:killed_after]))
    assert len(killed.calls()) == killed_after + 1
    again = ToySource(tmp_path / "again")
    found = Outcome(again, [rows_of(ALL[::-1])], checkpoint=checkpoint)
    assert sorted(again.prompted()) == sorted(set(TEXTS) - kept)
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
