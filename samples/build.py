"""Build the sample logs from the full sets that README.md in this folder names.

    python samples/build.py --source FOLDER

FOLDER contains NAME.interactions.parquet and NAME.items.parquet for each sample. The same source gives the same rows:
users are selected by rules, not at random. The script prints the numbers that README.md states.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

SAMPLES = Path(__file__).parent
ROWS_PER_GROUP = 32_768
ARROW_TYPES = {
    "user_id": pa.string(),
    "item_id": pa.string(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "event": pa.string(),
    "value": pa.float64(),
    "title": pa.string(),
    "description": pa.string(),
    "tags": pa.list_(pa.string()),
    "creator": pa.string(),
}
OTHER_SCRIPTS = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Cyrillic}\p{Arabic}]"

Log = tuple[pl.DataFrame, pl.DataFrame]


def arxiv_authors(interactions: pl.DataFrame, items: pl.DataFrame) -> Log:
    """Select authors of at least 15 papers with all their papers; abstracts are cut to 200 characters, at a word."""
    interactions = interactions.filter(pl.len().over("user_id") >= 15)
    description = pl.col("description")
    start = description.str.extract(r"(?s)^(.{0,200})\s").str.strip_chars() + " …"
    cut = pl.when(description.str.len_chars() > 200).then(start).otherwise(description)
    return interactions.drop("event", "value"), items.drop("creator", "url").with_columns(cut)


def online_retail(interactions: pl.DataFrame, items: pl.DataFrame) -> Log:
    """Select all rows."""
    return interactions, items.select("item_id", "title")


def github_stars(interactions: pl.DataFrame, items: pl.DataFrame) -> Log:
    """Select people with 300 to 700 stars over at least 900 days, nearly all with titles in Latin script.

    Only stars with an accurate time count. The title contains the description, so the latter is dropped.
    """
    stars = interactions.filter(pl.col("event") == "star")
    times = pl.col("timestamp")
    people = (
        stars.join(items, on="item_id")
        .group_by("user_id")
        .agg(
            stars=pl.len(),
            days=(times.max() - times.min()).dt.total_days(),
            other_scripts=pl.col("title").str.contains(OTHER_SCRIPTS).mean(),
        )
        .filter(pl.col("stars").is_between(300, 700), pl.col("days") >= 900, pl.col("other_scripts") <= 0.05)
    )
    # Links and marks in the section headings of some lists.
    tags = pl.col("tags").list.eval(pl.element().str.replace(r"\]\(.*$| #$", "").unique(maintain_order=True))
    stars = stars.join(people, on="user_id", how="semi")
    return stars.drop("event", "value"), items.drop("description", "url").with_columns(tags)


def write(rows: pl.DataFrame, path: Path) -> None:
    """Write one file with the highest compression."""
    schema = pa.schema([(name, ARROW_TYPES[name]) for name in rows.columns])
    table = rows.to_arrow().cast(schema)
    pq.write_table(table, path, row_group_size=ROWS_PER_GROUP, compression="zstd", compression_level=22)


def build(source: Path, name: str, select: Callable[[pl.DataFrame, pl.DataFrame], Log]) -> None:
    """Write one sample and print its numbers."""
    full = [pl.read_parquet(source / f"{name}.{kind}.parquet") for kind in ("interactions", "items")]
    interactions, items = select(*full)
    interactions = interactions.sort("user_id", "timestamp", "item_id")
    items = items.join(interactions, on="item_id", how="semi").sort("item_id")

    folder = SAMPLES / name
    folder.mkdir(exist_ok=True)
    write(interactions, folder / "interactions.parquet")
    write(items, folder / "items.parquet")

    first, last = interactions["timestamp"].min(), interactions["timestamp"].max()
    histories = interactions["user_id"].value_counts()["count"]
    size = sum(path.stat().st_size for path in folder.glob("*.parquet"))
    print(
        f"{name}: {interactions.height:,} interactions, {len(histories):,} users, {items.height:,} items, "
        f"{first:%Y-%m-%d} to {last:%Y-%m-%d}, median history {histories.median():.0f}, longest {histories.max():,}, "
        f"{size / 1e6:.2f} MB"
    )


def main() -> None:
    """Build all samples."""
    parser = argparse.ArgumentParser(description="Rebuild the sample logs.")
    parser.add_argument("--source", type=Path, required=True, help="folder with the full sets")
    source: Path = parser.parse_args().source
    for select in (arxiv_authors, github_stars, online_retail):
        build(source, select.__name__, select)


if __name__ == "__main__":
    main()
