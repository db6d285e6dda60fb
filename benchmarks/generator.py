"""Generated logs of any size with ground-truth journeys: `python -m benchmarks.generator 1_000_000 FOLDER`.

The catalogue has topics. Each topic has its own words, words in common with the next topic, and words common to all
topics. A user has a few journeys: each has a topic and a start, fades, and sometimes drifts to the next topic. In
addition, users click on popular items. The activity of users and the popularity of items have heavy tails.

Interactions are sampled for one time window after another, from the journeys that are active in it. The log is
therefore in time order, and memory depends only on the users, the items and one window.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas import TIMESTAMP

ROWS_PER_ROW_GROUP = 1 << 17
ROWS_PER_WINDOW = 1 << 20
NO_JOURNEY = -1

_FIRST_TIME = 1_704_067_200_000  # 2024-01-01, in milliseconds
_YEAR = 365 * 86_400_000
_ITEMS_PER_BATCH = 1 << 15
_TITLE_WORDS = (6, 8)
_MAX_TAGS = 2
_OWN_WORDS, _NEIGHBOURS_WORDS, _COMMON_WORDS, _COMMON_POOL = 40, 8, 4, 400
_WORD_EXPONENT = 0.7
_POPULARITY_EXPONENT = 0.9
_ACTIVITY_SIGMA = 1.2
_JOURNEYS_PER_USER = (0.22, 0.26, 0.22, 0.14, 0.09, 0.07)  # fraction of users with 1, 2, ..., 6
_SYLLABLES = np.array([onset + vowel for onset in (*"bdfgklmnprstvz", "br", "pl", "st", "tr") for vowel in "aeiou"])
_SYLLABLES_PER_WORD = 3
_SCRAMBLE = 7_919  # a prime that divides no power of the number of syllables

INTERACTIONS_SCHEMA = pa.schema([("user_id", pa.string()), ("item_id", pa.string()), ("timestamp", TIMESTAMP)])
ITEMS_SCHEMA = pa.schema([("item_id", pa.string()), ("title", pa.string()), ("tags", pa.list_(pa.string()))])
TRUTH_SCHEMA = pa.schema([*INTERACTIONS_SCHEMA, ("topic", pa.int32()), ("journey", pa.int32())])


@dataclasses.dataclass(frozen=True)
class LogConfig:
    """Configuration of a generated log.

    Attributes:
        interactions: exact number of interactions.
        seed: equal configurations give equal bytes.
        interactions_per_user: mean; the number of users follows.
        interactions_per_item: mean; the number of items follows.
        off_topic_fraction: fraction of interactions that follow popularity and no journey, in [0, 1].
        drift_fraction: fraction of journeys that move on to the next topic, in [0, 1].

    Raises:
        ValueError: naming the attribute, what was given and what is allowed.
    """

    interactions: int
    seed: int = 0
    interactions_per_user: float = 40
    interactions_per_item: float = 50
    off_topic_fraction: float = 0.15
    drift_fraction: float = 0.2

    def __post_init__(self) -> None:
        for name in ("interactions", "interactions_per_user", "interactions_per_item"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("off_topic_fraction", "drift_fraction"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {getattr(self, name)}")

    @property
    def users(self) -> int:
        """Number of users; those with little activity may have no interaction at all."""
        return max(1, round(self.interactions / self.interactions_per_user))

    @property
    def items(self) -> int:
        """Number of items."""
        return max(50, round(self.interactions / self.interactions_per_item))

    @property
    def topics(self) -> int:
        """Number of topics: it grows with the catalogue, but more slowly."""
        return max(5, round(math.sqrt(self.items)))

    @property
    def windows(self) -> int:
        """Number of windows of time."""
        return -(-self.interactions // ROWS_PER_WINDOW)


class GeneratedLog(NamedTuple):
    """Paths of a generated log.

    Attributes:
        interactions: folder of parquet files.
        items: parquet file.
        truth: folder of parquet files; row for row the interactions, with the topic of the item and the number of the
            user's journey, or `NO_JOURNEY`.
    """

    interactions: Path
    items: Path
    truth: Path


class Catalogue(NamedTuple):
    """Items by number; those of a topic are contiguous.

    Attributes:
        topic_offsets: int64, shape (topics + 1,): the items of topic t are `topic_offsets[t]:topic_offsets[t + 1]`.
        popularity: float64, shape (items + 1,): popularity summed over the items before, from 0 to 1.
    """

    topic_offsets: npt.NDArray[np.int64]
    popularity: npt.NDArray[np.float64]

    def draw(self, rng: np.random.Generator, low: npt.ArrayLike, high: npt.ArrayLike, count: int) -> npt.NDArray:
        """Items by popularity, each among those whose summed popularity lies in [low, high)."""
        places = low + rng.random(count) * (np.asarray(high) - low)
        return np.minimum(np.searchsorted(self.popularity, places, side="right") - 1, len(self.popularity) - 2)

    def topic_of(self, items: npt.NDArray) -> npt.NDArray:
        """The topic of each item."""
        return np.searchsorted(self.topic_offsets, items, side="right") - 1


class Plans(NamedTuple):
    """The journeys of all users, by user; each an array of shape (journeys,).

    Attributes:
        users: number of the user.
        numbers: number of the journey of the user, from 0.
        topics: first topic.
        starts: start, as a fraction of the year.
        spans: duration, as a fraction of the year.
        drifts: the fraction of its span after which it continues in the next topic; 1 if it does not drift.
        intensities: expected number of interactions.
    """

    users: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]
    topics: npt.NDArray[np.int64]
    starts: npt.NDArray[np.float64]
    spans: npt.NDArray[np.float64]
    drifts: npt.NDArray[np.float64]
    intensities: npt.NDArray[np.float64]

    def progress(self, time: float) -> npt.NDArray[np.float64]:
        """Compute the fraction of each journey's interactions before a time; the square root makes it fade."""
        return np.sqrt(np.clip((time - self.starts) / self.spans, 0, 1))


def generate(config: LogConfig, folder: Path) -> GeneratedLog:
    """Write a log into a folder, which must not contain one."""
    log = GeneratedLog(folder / "interactions", folder / "items.parquet", folder / "truth")
    log.interactions.mkdir(parents=True)
    log.truth.mkdir()
    catalogue_seed, items_seed, plans_seed, clicks_seed = np.random.SeedSequence(config.seed).spawn(4)
    catalogue = _catalogue(config, np.random.default_rng(catalogue_seed))
    _write_items(config, catalogue, np.random.default_rng(items_seed), log.items)
    plans = _plans(config, catalogue, np.random.default_rng(plans_seed))
    clicks = _interactions(config, catalogue, plans, np.random.default_rng(clicks_seed))
    for window, rows in enumerate(clicks):
        name = f"part-{window:05d}.parquet"
        _write(rows, TRUTH_SCHEMA, log.truth / name)
        _write(rows.select(INTERACTIONS_SCHEMA.names), INTERACTIONS_SCHEMA, log.interactions / name)
    return log


def cached(config: LogConfig, folder: Path) -> GeneratedLog:
    """Return the log of a configuration, generated below `folder` unless it exists there."""
    identity = json.dumps(dataclasses.asdict(config)).encode() + Path(__file__).read_bytes()
    final = folder / f"log-{config.interactions}-{hashlib.sha256(identity).hexdigest()[:12]}"
    if not final.is_dir():
        unfinished = final.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        generate(config, unfinished)
        unfinished.rename(final)
    return GeneratedLog(final / "interactions", final / "items.parquet", final / "truth")


def _write(rows: pa.Table, schema: pa.Schema, path: Path) -> None:
    pq.write_table(rows.cast(schema), path, row_group_size=ROWS_PER_ROW_GROUP, compression="zstd", compression_level=1)


def _identifiers(letter: str, count: int) -> pa.StringArray:
    return pa.array([f"{letter}{number:08d}" for number in range(count)], pa.string())


def word(number: npt.ArrayLike) -> npt.NDArray[np.str_]:
    """Return a pronounceable word for each number; words are distinct for numbers below `len(_SYLLABLES) ** 3`."""
    rest = np.asarray(number, np.int64) * _SCRAMBLE % len(_SYLLABLES) ** _SYLLABLES_PER_WORD
    text = np.full(rest.shape, "")
    for _ in range(_SYLLABLES_PER_WORD):
        rest, syllable = np.divmod(rest, len(_SYLLABLES))
        text = np.strings.add(text, _SYLLABLES[syllable])
    return text


def _zipf(count: int, exponent: float) -> npt.NDArray[np.float64]:
    weights = np.arange(1, count + 1) ** -exponent
    return weights / weights.sum()


def _catalogue(config: LogConfig, rng: np.random.Generator) -> Catalogue:
    topics = np.sort(rng.integers(0, config.topics, config.items - config.topics))
    sizes = 1 + np.bincount(topics, minlength=config.topics)
    popularity = rng.permutation(_zipf(config.items, _POPULARITY_EXPONENT))
    summed = np.concatenate([[0.0], np.cumsum(popularity)])
    return Catalogue(np.concatenate([[0], np.cumsum(sizes)]), summed / summed[-1])


def _topic_words(config: LogConfig, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Numbers of the words of each topic, the most frequent first, shape (topics, words)."""
    own = np.arange(config.topics * _OWN_WORDS).reshape(config.topics, _OWN_WORDS)
    neighbours = np.roll(own, -1, axis=0)[:, :_NEIGHBOURS_WORDS]
    common = config.topics * _OWN_WORDS + rng.integers(0, _COMMON_POOL, (config.topics, _COMMON_WORDS))
    return rng.permuted(np.hstack([own, neighbours, common]), axis=1)


def _write_items(config: LogConfig, catalogue: Catalogue, rng: np.random.Generator, path: Path) -> None:
    topic_words = _topic_words(config, rng)
    vocabulary = pa.array(word(np.arange(config.topics * _OWN_WORDS + _COMMON_POOL)).tolist(), pa.string())
    item_ids = _identifiers("i", config.items)
    topics = catalogue.topic_of(np.arange(config.items))
    with pq.ParquetWriter(path, ITEMS_SCHEMA, compression="zstd") as writer:
        for start in range(0, config.items, _ITEMS_PER_BATCH):
            here = slice(start, start + _ITEMS_PER_BATCH)
            texts = _texts(topic_words[topics[here]], vocabulary, rng)
            writer.write_batch(pa.record_batch([item_ids[here], *texts], schema=ITEMS_SCHEMA))


def _texts(
    choices: npt.NDArray[np.int64], vocabulary: pa.StringArray, rng: np.random.Generator
) -> tuple[pa.StringArray, pa.ListArray]:
    """Titles and tags for items whose words may be `choices`, shape (items, words).

    Words are sampled without replacement with the Gumbel trick: the largest log-probabilities plus noise.
    """
    count, width = choices.shape
    shortest, longest = _TITLE_WORDS
    scores = np.log(_zipf(width, _WORD_EXPONENT)) + rng.gumbel(size=(count, width))
    columns = np.argsort(-scores, axis=1, kind="stable")[:, : longest + _MAX_TAGS]
    sampled = np.take_along_axis(choices, columns, axis=1)
    lengths = rng.integers(shortest, longest + 1, count)
    title = [vocabulary.take(pa.array(sampled[:, place], mask=lengths <= place)) for place in range(longest)]
    tags = rng.integers(0, _MAX_TAGS + 1, count)
    tagged = np.arange(_MAX_TAGS) < tags[:, None]
    # A tag repeats a word of the title or adds one that would have come next.
    tag_words = np.stack([sampled[:, 0], sampled[:, longest]], axis=1)[tagged]
    ends = pa.array(np.concatenate([[0], np.cumsum(tags)]).astype(np.int32))
    return (
        pc.binary_join_element_wise(*title, " ", null_handling="skip"),
        pa.ListArray.from_arrays(ends, vocabulary.take(pa.array(tag_words))),
    )


def _plans(config: LogConfig, catalogue: Catalogue, rng: np.random.Generator) -> Plans:
    per_user = 1 + rng.choice(len(_JOURNEYS_PER_USER), config.users, p=_JOURNEYS_PER_USER)
    users = np.repeat(np.arange(config.users), per_user)
    count = len(users)
    starts = np.clip(rng.uniform(-0.1, 0.95, count), 0, None)
    activity = rng.lognormal(sigma=_ACTIVITY_SIGMA, size=config.users)
    weights = rng.exponential(size=count)
    intensities = activity[users] * weights / np.bincount(users, weights)[users]
    return Plans(
        users=users,
        numbers=np.arange(count) - np.repeat(np.cumsum(per_user) - per_user, per_user),
        topics=catalogue.topic_of(catalogue.draw(rng, 0.0, 1.0, count)),
        starts=starts,
        spans=np.minimum(rng.uniform(0.05, 0.7, count), 1 - starts),
        drifts=np.where(rng.random(count) < config.drift_fraction, rng.uniform(0.2, 0.6, count), 1.0),
        intensities=intensities * (config.interactions / intensities.sum()),
    )


def _interactions(
    config: LogConfig, catalogue: Catalogue, plans: Plans, rng: np.random.Generator
) -> Iterator[pa.Table]:
    """Rows of `TRUTH_SCHEMA`, a window of time at once, by time; exactly `config.interactions` in all."""
    user_ids, item_ids = _identifiers("u", config.users), _identifiers("i", config.items)
    written = 0
    expected = 0.0
    before = plans.progress(0.0)
    for window in range(config.windows):
        after = plans.progress((window + 1) / config.windows)
        summed = np.cumsum(plans.intensities * (after - before))
        expected += summed[-1]
        count = round(expected) - written if window + 1 < config.windows else config.interactions - written
        written += count
        sampled = np.searchsorted(summed, np.sort(rng.random(count)) * summed[-1], side="right")
        journeys = np.minimum(sampled, len(summed) - 1)
        at = (before[journeys] + rng.random(count) * (after - before)[journeys]) ** 2
        items, on_topic = _items(config, catalogue, plans, journeys, at, rng)
        times = ((plans.starts[journeys] + plans.spans[journeys] * at) * (_YEAR - 1)).astype(np.int64)
        order = np.argsort(times, kind="stable")
        yield pa.table(
            [
                user_ids.take(pa.array(plans.users[journeys][order])),
                item_ids.take(pa.array(items[order])),
                pa.array((times[order] + _FIRST_TIME) * 1000).cast(TIMESTAMP),
                pa.array(catalogue.topic_of(items)[order].astype(np.int32)),
                pa.array(np.where(on_topic, plans.numbers[journeys], NO_JOURNEY)[order].astype(np.int32)),
            ],
            schema=TRUTH_SCHEMA,
        )
        before = after


def _items(
    config: LogConfig,
    catalogue: Catalogue,
    plans: Plans,
    journeys: npt.NDArray[np.int64],
    at: npt.NDArray[np.float64],
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Sample the item of each interaction; return the items, and whether each belongs to the journey or is popular."""
    topics = (plans.topics[journeys] + (at > plans.drifts[journeys])) % config.topics
    on_topic = rng.random(len(journeys)) >= config.off_topic_fraction
    edges = catalogue.popularity[catalogue.topic_offsets]
    low = np.where(on_topic, edges[topics], 0.0)
    high = np.where(on_topic, edges[topics + 1], 1.0)
    return catalogue.draw(rng, low, high, len(journeys)), on_topic


def main() -> None:
    """Generate the log that the command line describes."""
    parser = argparse.ArgumentParser(prog="generator", description=generate.__doc__)
    parser.add_argument("interactions", type=int, help="Exact number of interactions.")
    parser.add_argument("folder", type=Path, help="Output folder; it must not contain a log.")
    parser.add_argument("--seed", type=int, default=0, help="Equal seeds give equal bytes.")
    given = parser.parse_args()
    generate(LogConfig(given.interactions, given.seed), given.folder)


if __name__ == "__main__":
    main()
