"""A compilation is shown while it lasts; functions that are compiled already are not."""

import numba
from rich.progress import Progress as Bars

from pipelines.common.compiling import COMPILING, PREPARING, show_compiling


def test_a_task_says_so_from_the_first_compilation_until_the_end() -> None:
    double = numba.njit(lambda number: 2 * number)
    tasks = Bars(disable=True)
    with show_compiling(tasks):
        assert [task.description for task in tasks.tasks] == [PREPARING]
        double(1)
        double(1.5)
        assert [task.description for task in tasks.tasks] == [COMPILING]
    assert tasks.tasks == []


def test_without_a_compilation_it_does_not() -> None:
    double = numba.njit(lambda number: 2 * number)
    double(1)
    tasks = Bars(disable=True)
    with show_compiling(tasks):
        double(2)
        assert [task.description for task in tasks.tasks] == [PREPARING]
