"""The plan of `ingest`, printed before anything is written: which columns are read as what, with examples."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas import INTERACTIONS, ITEMS
from transforms.ingestion.guessing import Guess
from transforms.ingestion.layout import FileLayout
from transforms.ingestion.preview import preview

if TYPE_CHECKING:
    from pipelines.ingest.job import IngestJob

_SHOWN_FILES = 8
_EXAMPLE_CHARACTERS = 40
_OPTIONS = {INTERACTIONS.name: "--columns", ITEMS.name: "--item_columns"}


def print_proposal(job: IngestJob) -> None:
    """Print the columns that are read, and the options that state what was guessed; for known logs, the files."""
    console = Console(highlight=False)
    for role, guess in job.plan.guesses.items():
        console.print(f"{role}: columns of {job.plan.sources[role].files[0].path}", soft_wrap=True, markup=False)
        console.print(_table(guess))
    if job.plan.guesses:
        console.print("To state these columns, give:", markup=False)
        console.print(f"  {' '.join(proposed_options(job.plan.guesses))}", soft_wrap=True, markup=False)
        return
    for role, source in job.plan.sources.items():
        console.print(f"{role}:", markup=False)
        for file in source.files[:_SHOWN_FILES]:
            console.print(f"  {file.path}", soft_wrap=True, markup=False)
        if len(source.files) > _SHOWN_FILES:
            console.print(f"  {len(source.files) - _SHOWN_FILES} further files", markup=False)
        layout = next(each.layout for each in job.plan.files if each.layout.role == role)
        console.print(_converted_table(source.files[0].path, layout, has_votes=not job.plan.has_catalogue))
    print_others(console, job)


def print_others(console: Console, job: IngestJob) -> None:
    """Print the files of the input that are not read."""
    others = job.plan.others
    for path, reason in list(others.items())[:_SHOWN_FILES]:
        console.print(f"not read: {path}: {reason}", soft_wrap=True, markup=False)
    if len(others) > _SHOWN_FILES:
        console.print(f"not read: {len(others) - _SHOWN_FILES} further files", markup=False)


def proposed_options(guesses: Mapping[str, Guess]) -> list[str]:
    """Return the options that state guesses, quoted for a shell."""
    flags = []
    for role, guess in guesses.items():
        names = ",".join(f"{column}={name}" for column, name in guess.columns.items())
        flags.append(f"{_OPTIONS[role]}={names}")
        if guess.date_order:
            flags.append(f"--date_order={guess.date_order}")
        if guess.tag_separator:
            flags.append(f"--tag_separator={guess.tag_separator}")
    return [shlex.quote(flag) for flag in dict.fromkeys(flags)]


def _converted_table(path: str, layout: FileLayout, has_votes: bool) -> Table:
    """Return a table of the columns of a file of a published log, with converted values of its first rows."""
    columns = {**(layout.item_columns if has_votes else {}), **layout.columns}
    examples = preview(path, layout)
    table = Table("dataset column", "column of the file", "converted examples")
    for column in dict.fromkeys([*examples, *columns]):
        values = " · ".join(text[:_EXAMPLE_CHARACTERS] for text in examples.get(column, ()))
        table.add_row(column, Text(columns.get(column, "")), Text(values))
    return table


def _table(guess: Guess) -> Table:
    table = Table("dataset column")
    table.add_column("column of the file", overflow="fold")
    table.add_column("examples", overflow="fold")
    table.add_column("why", no_wrap=True)
    for column, proposal in guess.proposals.items():
        examples = " · ".join(text[:_EXAMPLE_CHARACTERS] for text in proposal.examples)
        table.add_row(column, Text(proposal.name), Text(examples), proposal.why)
    return table
