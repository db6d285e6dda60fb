"""Latent intent: a conditional VAE against the same network without a latent, on what users consume after a date."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from transforms.columnar import list_offsets
from transforms.evaluation.bootstrap import mean_interval, paired_difference
from transforms.evaluation.experiments.intents.reranking import fit_ranker
from transforms.evaluation.experiments.intents.sample import IntentsLog
from transforms.evaluation.metric_rows import metric_row, point
from transforms.intents.config import IntentConfig
from transforms.intents.features import cluster_fractions, compute_examples
from transforms.intents.latent.config import LatentConfig
from transforms.intents.latent.measures import (
    ListMeasures,
    check_collapse,
    elbo_parts,
    measure_lists,
    merge_in_turn,
    top_items,
)
from transforms.intents.latent.rows import Flags, Matrix, NextItems, Rows
from transforms.recommendation.count_ranker import CountRanker
from transforms.recommendation.histories import Codes, Integers, ItemHistories
from transforms.recommendation.protocol import users_of_rows

Row = dict[str, Any]

LIST_SIZE = 10
FOLLOWING = 10
"""Maximum number of items that follow a row."""
ROWS_PER_USER = 4
MAX_ITEMS = 20_000
SAMPLES = 5
WITHOUT, FROM_MEAN, FROM_SAMPLES = "without a latent", "mean of the prior", f"{SAMPLES} samples of the prior"
_TRAINING = {"max_epochs": 30, "warm_up_epochs": 5, "patience": 3}
VARIANTS = {
    WITHOUT: LatentConfig(latent_dimensions=0, **_TRAINING),
    "latent": LatentConfig(**_TRAINING),
    "free bits": LatentConfig(free_bits=0.1, **_TRAINING),
}
_SCORED = 40_000_000


class Moments(NamedTuple):
    """Places in histories: what is before each is given, what is from it on follows.

    Attributes:
        users: int64, shape (moments,).
        places: int64, shape (moments,): positions among all interactions.
    """

    users: Integers
    places: Integers


class Scene(NamedTuple):
    """Everything that rows are computed from.

    Attributes:
        log: the log.
        features: float32, shape (interactions, features): see `intents.features`.
        ranker: fitted to what is before the validation period.
        codes: int32, shape (items,): the code of each item among those that are scored, or -1.
        items: int32: the items that are scored.
    """

    log: IntentsLog
    features: Matrix
    ranker: CountRanker
    codes: Codes
    items: Codes


def compare_latent(log: IntentsLog, boundaries: tuple[int, int], limit: int, seed: int) -> Iterator[Row]:
    """Train the model with and without a latent before a date, and measure both on what follows it.

    Args:
        log: the log.
        boundaries: starts of the validation and of the test period, in microseconds.
        limit: maximum number of users who are measured.
        seed: random seed of the choice of users, of samples and intervals.
    """
    from transforms.intents.latent.serving import measure_rows
    from transforms.intents.latent.training import train_latent

    validation, date = boundaries
    scene = _scene(log, validation)
    training = rows_at(scene, _spread_moments(log.events.histories, validation), validation)
    held_out = rows_at(scene, first_moments(log.events.histories, validation), date)
    test_moments = first_moments(log.events.histories, date)
    count = min(limit, max(_SCORED // len(scene.items), 1))
    chosen = np.sort(np.random.default_rng(seed).permutation(len(test_moments.users))[:count])
    test_moments = Moments(test_moments.users[chosen], test_moments.places[chosen])
    test = rows_at(scene, test_moments, np.iinfo(np.int64).max)
    if min(len(part.rows.contexts) for part in (training, held_out, test)) < 2:
        return
    yield metric_row("intents_latent_rows", point(len(training.rows.contexts)), period="training")
    yield metric_row("intents_latent_rows", point(len(test.rows.contexts)), period="test")
    both = _joined(training.rows, held_out.rows)
    is_validation = np.arange(len(both.contexts)) >= len(training.rows.contexts)
    vectors = scene.ranker.item_vectors[scene.items].astype(np.float32)
    consumed = _consumed(scene, test)
    reference: ListMeasures | None = None
    for variant, config in VARIANTS.items():
        trained = train_latent(both, vectors, config, is_validation)
        parts = elbo_parts(measure_rows(trained.model, test.rows, SAMPLES, seed))
        values = {
            "elbo": parts.elbo,
            "reconstruction": parts.reconstruction,
            "divergence": parts.divergence,
            "active_units": parts.active_units,
            "collapsed": check_collapse(parts).is_collapsed,
            "epochs": trained.best_epoch,
        }
        for name, value in values.items():
            yield metric_row(f"intents_latent_{name}", point(float(value)), variant=variant)
        for lists, items in _lists(trained.model, test.rows, consumed, seed).items():
            measured = measure_lists(items, test.rows.following, log.item_clusters[scene.items], vectors)
            reference = measured if reference is None else reference
            yield from _list_rows(measured, reference, seed, variant=variant, lists=lists)


class RowsOfMoments(NamedTuple):
    """Rows of the latent intent model, with the moments that have any item to predict.

    Attributes:
        rows: the rows.
        moments: their moments.
    """

    rows: Rows
    moments: Moments


def _scene(log: IntentsLog, date: int) -> Scene:
    histories = log.events.histories
    fractions = cluster_fractions(log.item_clusters, log.cluster_count)
    features = compute_examples(log.events, fractions, int(histories.times.max()), IntentConfig()).features
    counts = np.bincount(histories.items[histories.times < date], minlength=len(log.item_ids))
    items = np.sort(np.argsort(-counts, kind="stable")[:MAX_ITEMS]).astype(np.int32)
    codes = np.full(len(counts), -1, np.int32)
    codes[items] = np.arange(len(items))
    return Scene(log, features, fit_ranker(log, date), codes, items)


def _spread_moments(histories: ItemHistories, date: int) -> Moments:
    """Return at most `ROWS_PER_USER` places of each user before a date, evenly spaced, none of them the first."""
    users = users_of_rows(histories)
    candidates = np.flatnonzero((histories.times < date) & _has_past(histories))
    counts = np.bincount(users[candidates], minlength=histories.user_count)
    firsts = list_offsets(counts)[:-1]
    ranks, own = np.arange(len(candidates)) - firsts[users[candidates]], counts[users[candidates]]
    kept = (ranks + 1) * ROWS_PER_USER // own > ranks * ROWS_PER_USER // own
    return Moments(users[candidates][kept], candidates[kept])


def first_moments(histories: ItemHistories, date: int) -> Moments:
    """Return the first place from a date on of each user who has an earlier interaction."""
    users = users_of_rows(histories)
    places = np.flatnonzero((histories.times >= date) & _has_past(histories))
    _, first = np.unique(users[places], return_index=True)
    kept = places[first]
    before_date = histories.times[histories.offsets[users[kept]]] < date
    return Moments(users[kept][before_date], kept[before_date])


def _has_past(histories: ItemHistories) -> Flags:
    """Return whether the user of each interaction has one at an earlier time."""
    return histories.times > histories.times[histories.offsets[:-1]][users_of_rows(histories)]


def rows_at(scene: Scene, moments: Moments, end: int) -> RowsOfMoments:
    """Compute rows: features and the user's vector as context, and the next items that are new to the user.

    Args:
        scene: the log and the ranker.
        moments: the moments.
        end: end of what follows, in microseconds.
    """
    histories = scene.log.events.histories
    ends = histories.offsets[1:][moments.users]
    windows = moments.places[:, None] + np.arange(FOLLOWING)
    inside = windows < ends[:, None]
    windows = np.minimum(windows, len(histories.items) - 1)
    codes = scene.codes[histories.items[windows]]
    inside &= (histories.times[windows] < end) & _is_first(histories)[windows] & (codes >= 0)
    has_any = inside.any(axis=1)
    kept = Moments(moments.users[has_any], moments.places[has_any])
    following = NextItems(list_offsets(inside[has_any].sum(axis=1)).astype(np.int64), codes[has_any][inside[has_any]])
    vectors = scene.ranker.user_vectors(_histories_before(histories, kept)).astype(np.float32)
    contexts = np.hstack([scene.features[kept.places], vectors])
    return RowsOfMoments(Rows(contexts, following), kept)


def _is_first(histories: ItemHistories) -> Flags:
    """Return whether an interaction is the first one of its user with its item."""
    keys = users_of_rows(histories) * (int(histories.items.max(initial=0)) + 1) + histories.items
    found = np.zeros(len(keys), bool)
    found[np.unique(keys, return_index=True)[1]] = True
    return found


def _histories_before(histories: ItemHistories, moments: Moments) -> ItemHistories:
    """Return the history of each moment: what its user consumed at earlier times."""
    starts = histories.offsets[moments.users]
    # Interactions of one user at the time of the moment are not before it: times ascend within a user.
    lengths = np.array(
        [
            np.searchsorted(histories.times[start:place], histories.times[place])
            for start, place in zip(starts.tolist(), moments.places.tolist(), strict=True)
        ],
        np.int64,
    )
    offsets = list_offsets(lengths).astype(np.int64)
    rows = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)
    return ItemHistories(offsets, histories.items[rows], histories.times[rows])


def _joined(first: Rows, second: Rows) -> Rows:
    (contexts, following), (more, later) = first, second
    offsets = np.concatenate([following.offsets, later.offsets[1:] + following.offsets[-1]])
    return Rows(np.vstack([contexts, more]), NextItems(offsets, np.concatenate([following.items, later.items])))


def _consumed(scene: Scene, test: RowsOfMoments) -> tuple[Integers, Codes]:
    """Return the rows and the codes of the items that users consumed before their moments."""
    past = _histories_before(scene.log.events.histories, test.moments)
    codes = scene.codes[past.items]
    return users_of_rows(past)[codes >= 0], codes[codes >= 0]


def _lists(model: Any, rows: Rows, consumed: tuple[Integers, Codes], seed: int) -> dict[str, Codes]:
    """List the best items that were not consumed, by the mean of the prior and by samples of it."""
    from transforms.intents.latent.serving import prior_means, prior_samples, score_items

    def best(latents: Matrix) -> Codes:
        scores = score_items(model, rows.contexts, latents)
        scores[consumed] = -np.inf
        return top_items(scores, LIST_SIZE)

    means = prior_means(model, rows.contexts)
    if not model.units:
        return {WITHOUT: best(means)}
    sampled = np.stack([best(each) for each in prior_samples(model, rows.contexts, SAMPLES, seed)])
    return {FROM_MEAN: best(means), FROM_SAMPLES: merge_in_turn(sampled)}


def _list_rows(measured: ListMeasures, reference: ListMeasures, seed: int, **parts: object) -> Iterator[Row]:
    for name in ListMeasures._fields:
        values, without = getattr(measured, name), getattr(reference, name)
        defined = ~np.isnan(values) & ~np.isnan(without)
        if defined.any():
            yield metric_row(f"intents_list_{name}", mean_interval(values[defined], seed), **parts)
            difference = paired_difference(values[defined], without[defined], seed)
            yield metric_row(f"intents_list_{name}_difference", difference, **parts)
