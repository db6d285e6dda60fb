"""A compilation is shown while it lasts; functions that are compiled already show nothing."""

import numba
from rich.progress import Progress as Bars

from pipelines.common.compiling import COMPILING, show_compiling


def test_a_task_is_shown_from_the_first_compilation_until_the_end() -> None:
    double = numba.njit(lambda number: 2 * number)
    tasks = Bars(disable=True)
    with show_compiling(tasks):
        assert tasks.tasks == []
        double(1)
        double(1.5)
        assert [task.description for task in tasks.tasks] == [COMPILING]
    assert tasks.tasks == []


def test_without_a_compilation_nothing_is_shown() -> None:
    double = numba.njit(lambda number: 2 * number)
    double(1)
    tasks = Bars(disable=True)
    with show_compiling(tasks):
        double(2)
        assert tasks.tasks == []
