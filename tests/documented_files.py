"""A folder like a clone, with small files in place of those that the pages name."""

import os
import shutil
import sys
from pathlib import Path

import polars as pl

ROOT = Path(__file__).parents[1]
_LINKED = (
    "LICENSE",
    "README.md",
    "benchmarks",
    "pipelines",
    "runner_configs",
    "schemas",
    "tools",
    "transforms",
)
_COPIED = ("Makefile", "pyproject.toml", "setup.py")
_OF_ENVIRONMENT = ("bin", "include", "lib", "lib64", "pyvenv.cfg")
_EVERY = {"arxiv_authors": 10, "online_retail": 40, "github_stars": 1}
"""One of this number of users of each sample is in its small copy."""


def make_clone(folder: Path) -> None:
    """Makes the folder: the code, small samples, the environment of this process as `.venv`, and the files of pages."""
    folder.mkdir(parents=True)
    for name in _LINKED:
        (folder / name).symlink_to(ROOT / name)
    for name in _COPIED:
        shutil.copy2(ROOT / name, folder / name)
    shutil.copytree(ROOT / "docs", folder / "docs")  # a command may write in it
    _link_environment(folder / ".venv")
    for sample in _EVERY:
        _write_small_sample(folder / "samples" / sample, ROOT / "samples" / sample)
    _write_files_of_pages(folder)


def environment(folder: Path) -> dict[str, str]:
    """Returns the environment of a shell in which the clone's `.venv` is activated."""
    path = f"{folder / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "VIRTUAL_ENV": str(folder / ".venv"), "COLUMNS": "160"}


def _link_environment(folder: Path) -> None:
    """Links the parts of the environment; `.ready` makes `make` believe that it was just set up."""
    folder.mkdir()
    for name in _OF_ENVIRONMENT:
        if (Path(sys.prefix) / name).exists():
            (folder / name).symlink_to(Path(sys.prefix) / name)
    (folder / ".ready").touch()


def _write_small_sample(folder: Path, source: Path) -> None:
    folder.mkdir(parents=True)
    log = pl.read_parquet(source / "interactions.parquet")
    users = log["user_id"].unique().sort().gather_every(_EVERY[source.name])
    log = log.filter(pl.col("user_id").is_in(users.implode()))
    items = pl.read_parquet(source / "items.parquet").filter(pl.col("item_id").is_in(log["item_id"].implode()))
    log.write_parquet(folder / "interactions.parquet")
    items.write_parquet(folder / "items.parquet")


def _write_files_of_pages(folder: Path) -> None:
    """Writes what the pages name: your own log and catalogue, published logs, collections.

    The log has the columns of the datasets and those of a page that renames them.
    """
    log = pl.read_parquet(folder / "samples/arxiv_authors/interactions.parquet").with_columns(
        visitor="user_id", content="item_id", event=pl.lit("watch"), dwell_seconds=pl.lit(60.0)
    )
    items = pl.read_parquet(folder / "samples/arxiv_authors/items.parquet")
    days = [log.filter(pl.col("timestamp") < pl.col("timestamp").quantile(0.9)), log]
    for day, rows in zip(("2026-01-01", "2026-01-02"), days, strict=True):
        (folder / "data" / "log" / day).mkdir(parents=True)
        rows.write_parquet(folder / "data" / "log" / day / "log.parquet")
    items.write_parquet(folder / "data" / "catalogue.parquet")
    log.write_parquet(folder / "log.parquet")
    shutil.copytree(folder / "data" / "log" / "2026-01-02", folder / "log")
    vectors = pl.int_range(pl.len()).hash(seed=1).cast(pl.Float64) / 2.0**64
    items.with_columns(vector=pl.concat_list(vectors - 0.5, vectors, 1 - vectors)).write_parquet(
        folder / "items.parquet"
    )
    for name in ("movietweetings_100k", "online_retail", "awesome_curators", "github_stars"):
        sample = "online_retail" if name in ("movietweetings_100k", "online_retail") else "github_stars"
        for part in ("interactions", "items"):
            shutil.copy(folder / "samples" / sample / f"{part}.parquet", folder / f"{name}.{part}.parquet")
    for sample, log_name, items_name in (
        ("online_retail", "shop", "shop_items"),
        ("github_stars", "stars", "star_items"),
    ):
        for part, name in (("interactions", log_name), ("items", items_name)):
            shutil.copy(folder / "samples" / sample / f"{part}.parquet", folder / f"{name}.parquet")
    _write_collections(folder)
    _write_shop(folder / "online-retail", folder / "samples" / "online_retail")


def _write_collections(folder: Path) -> None:
    """Writes stars with a common tag as collections, each of one user."""
    sample = folder / "samples" / "github_stars"
    stars = pl.read_parquet(sample / "interactions.parquet").join(
        pl.read_parquet(sample / "items.parquet"), on="item_id"
    )
    collections = (
        stars.with_columns(name=pl.col("tags").list.first())
        .drop_nulls("name")
        .group_by(source="user_id", name="name", maintain_order=True)
        .agg(item_titles=pl.col("title").unique(maintain_order=True))
        .filter(pl.col("item_titles").list.len() >= 4)
        .with_columns(list_title="source", item_descriptions=pl.lit(None, pl.List(pl.String)))
    )
    collections.write_parquet(folder / "collections.parquet")
    (folder / "cache").mkdir()
    collections.write_parquet(folder / "cache" / "held_out.parquet")


def _write_shop(folder: Path, sample: Path) -> None:
    """Writes orders of a shop as CSV: with the columns of Online Retail, one file per day, and with others, in one."""
    folder.mkdir()
    orders = pl.read_parquet(sample / "interactions.parquet").join(
        pl.read_parquet(sample / "items.parquet"), on="item_id"
    )
    columns = orders.sort("timestamp", "user_id", "item_id").select(
        InvoiceNo=pl.col("timestamp").rank("dense") + 536365,
        StockCode="item_id",
        Description="title",
        Quantity=pl.col("value").cast(pl.Int64),
        InvoiceDate=pl.col("timestamp").dt.strftime("%Y-%m-%d %H:%M:%S"),
        UnitPrice=pl.lit(1.25),
        CustomerID=pl.col("user_id").cast(pl.Float64),
        Country=pl.lit("United Kingdom"),
    )
    columns.select(
        client="CustomerID", article="StockCode", text="Description", time="InvoiceDate", amount="Quantity"
    ).write_csv(folder.with_name("orders.csv"))
    for (day,), rows in columns.group_by(pl.col("InvoiceDate").str.slice(0, 10), maintain_order=True):
        rows.write_csv(folder / f"{day}.csv")
