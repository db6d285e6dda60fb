import multiprocessing
import pickle
from pathlib import Path

from transforms.progress import Progress


def test_what_is_done_is_summed_by_stage(tmp_path: Path) -> None:
    progress = Progress(str(tmp_path / "progress"))
    assert progress.done() == {}
    for stage, amount in [("users", 3), ("rows read", 10), ("users", 4), ("parts", 0)]:
        progress.add(stage, amount)
    assert progress.done() == {"users": 7, "rows read": 10, "parts": 0}


def test_without_a_shared_disk_nothing_is_recorded() -> None:
    progress = Progress()
    progress.add("users", 3)
    assert progress.done() == {}


def add_many(progress: Progress, times: int) -> None:
    for _ in range(times):
        progress.add("users", 2)


def test_workers_do_not_write_over_each_other(tmp_path: Path) -> None:
    progress = Progress(str(tmp_path / "progress"))
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=add_many, args=(progress, 500)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert progress.done() == {"users": 2000}


def test_it_travels_to_workers(tmp_path: Path) -> None:
    sent = Progress(str(tmp_path / "progress"))
    pickle.loads(pickle.dumps(sent)).add("users", 1)
    assert sent.done() == {"users": 1}


def test_work_that_is_to_be_done_is_no_work_done(tmp_path: Path) -> None:
    progress = Progress(str(tmp_path / "progress"))
    progress.expect("prompts", 60)
    progress.expect("prompts", 14)
    assert (progress.done(), progress.expected()) == ({}, {"prompts": 74})
    progress.add("prompts", 0)
    progress.add("prompts", 24)
    assert (progress.done(), progress.expected()) == ({"prompts": 24}, {"prompts": 74})
