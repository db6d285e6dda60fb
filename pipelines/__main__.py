"""`python -m pipelines`: list the jobs."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from pipelines.registry import JOBS, load_job


def main() -> None:
    """Print the name and the description of each job."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for name in JOBS:
        table.add_row(f"python -m pipelines.{name}", load_job(name).description)
    console = Console(highlight=False)
    console.print(table)
    console.print("\n--help lists the options of a job.")


if __name__ == "__main__":
    main()
