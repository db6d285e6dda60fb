"""The page is written atomically, and a summary is printed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from pipelines.report.content import page_content
from transforms.datasets.reading import UnreadableFileError
from transforms.datasets.storage import StorageError, open_storage
from transforms.page.content import Page
from transforms.page.render import render

if TYPE_CHECKING:
    from pipelines.report.job import ReportJob


def write_page(job: ReportJob) -> int:
    """Write the page of a job; return the exit code. If it fails, the previous file is unchanged."""
    started = time.monotonic()
    try:
        page = page_content(job)
        content = render(page).encode()
        open_storage(job.output).write(job.output, content)
    except (StorageError, UnreadableFileError) as error:
        console = Console(stderr=True, highlight=False)
        console.print(f"[bold red]{job.name} failed:[/] {escape(str(error))}", soft_wrap=True)
        return 1
    _print_summary(job, page, len(content), time.monotonic() - started)
    return 0


def _print_summary(job: ReportJob, page: Page, size: int, seconds: float) -> None:
    console = Console(highlight=False)
    console.print(f"{job.name}: {seconds:.1f} s", markup=False)
    on_map = len(page.map.journeys) if page.map else 0
    for label, count in (
        ("datasets", len(job.found.sources)),
        ("users on the page", len(page.users)),
        ("journeys on the map", on_map),
        ("experiments", len(page.experiments)),
        ("sections without content", len(page.missing)),
    ):
        console.print(f"  {label}: {count:,}", markup=False)
    console.print(f"Written to {job.output}: {size / 1e6:.2f} MB; it loads nothing else", soft_wrap=True, markup=False)
