"""Compilation of numerical functions, which an installation does once, as progress of a job."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.progress import Progress as Bars
from rich.progress import TaskID

COMPILING = "compiling, once after an installation"


@contextmanager
def show_compiling(shown: Bars) -> Iterator[None]:
    """Show a task from the moment at which a function is compiled; none where all come from the cache.

    Args:
        shown: the tasks of the job. At the end, the task is removed.
    """
    from numba.core import event  # takes long to import, and a usage error shows no progress

    tasks: list[TaskID] = []

    class Listener(event.Listener):
        """A listener that adds the task at the first compilation."""

        def on_start(self, event: Any) -> None:
            if not tasks:
                tasks.append(shown.add_task(COMPILING, total=None))

        def on_end(self, event: Any) -> None:
            """Keep the task: functions are compiled one after another."""

    with event.install_listener("numba:compile", Listener()):
        yield
    for task in tasks:
        shown.remove_task(task)
