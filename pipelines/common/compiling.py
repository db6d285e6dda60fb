"""Compilation of numerical functions, which an installation does once, as progress of a job."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.progress import Progress as Bars

PREPARING = "preparing"
COMPILING = "compiling, once after an installation"


@contextmanager
def show_compiling(shown: Bars) -> Iterator[None]:
    """Show a task: `preparing`, and from the first compilation of a function that it is compiling.

    Args:
        shown: the tasks of the job. At the end, the task is removed.
    """
    task = shown.add_task(PREPARING, total=None, detail="")
    from numba.core import event  # here, because it takes long to import

    class Listener(event.Listener):
        """A listener that renames the task; once is enough, as functions are compiled one after another."""

        def on_start(self, event: Any) -> None:
            shown.update(task, description=COMPILING)

        def on_end(self, event: Any) -> None:
            pass

    with event.install_listener("numba:compile", Listener()):
        yield
    shown.remove_task(task)
