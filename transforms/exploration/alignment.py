"""The alignment model: how satisfied users of a context are with a candidate, from collective feedback (2504.05522).

It is separate from the model of novelty. The paper tunes a language model; this one is a logistic regression on ids and
content of clusters. Its features are means over the clusters of the context, so the model is one matrix of scores.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import optimize, sparse
from scipy.special import expit

from transforms.columnar import run_offsets
from transforms.exploration.feedback import Feedback, Fractions, labels_of
from transforms.exploration.transitions import NO_CLUSTER, Codes, Integers, context_keys

Numbers = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.floating]
Loss = Literal["pointwise", "pairwise"]
"""`pointwise`: cross-entropy of each label; `pairwise`: of the order of two candidates of one context."""

DIMENSIONS = 16
"""Number of principal components of the content that the model uses."""

_ITERATIONS = 500
_DECIMALS = 6  # scores are rounded, so that rounding errors in the last digits do not change a ranking


@dataclasses.dataclass(frozen=True)
class AlignmentModel:
    """Scores of satisfaction, by cluster of the context and candidate.

    Attributes:
        pair_scores: float64, shape (C, C): row: cluster of the context; column: candidate. For `pointwise`, the
            logarithm of the odds of the label; for `pairwise`, only differences within a row have a meaning.
    """

    pair_scores: Numbers

    def scores(self, contexts: Codes) -> Numbers:
        """Compute the scores of all candidates: means over the clusters of the context.

        Args:
            contexts: int32, shape (contexts, K); `NO_CLUSTER` in the first places of shorter contexts.

        Returns:
            float64, shape (contexts, C); for the empty context, the mean over all clusters.
        """
        given = contexts != NO_CLUSTER
        total = np.zeros((len(contexts), len(self.pair_scores)))
        for place, is_given in zip(contexts.T, given.T, strict=True):
            total += np.where(is_given[:, None], self.pair_scores[place], 0.0)
        sizes = given.sum(axis=1, keepdims=True)
        means = total / np.maximum(sizes, 1)
        return np.where(sizes > 0, means, self.pair_scores.mean(axis=0))


def rate_model(rates: Fractions) -> AlignmentModel:
    """Return the model that scores a candidate by its return rate alone, whatever the context.

    Args:
        rates: float64, shape (C,): as `feedback.candidate_rates`.
    """
    return AlignmentModel(np.repeat(rates[None], len(rates), axis=0))


def fit_alignment(
    feedback: Feedback, centroids: Vectors, loss: Loss = "pointwise", penalty: float = 30.0, interval: float = 0.1
) -> AlignmentModel:
    """Fit a model to the labels of feedback, with a penalty of squared weights.

    The features are the ids of candidate and context, the content of the candidate, its product with the content of
    the context in each dimension, and the cosine of both.

    Args:
        feedback: rows of the training period, those of few users dropped.
        centroids: shape (C, dimensions): centres of the clusters.
        loss: what is minimized. Rows weigh by their users; pairs by the inverse variance of the difference of rates.
        penalty: above 0: as a number of users.
        interval: of the labels, see `labels_of`.

    Raises:
        ValueError: when there is no feedback, or `penalty` is not above 0.
    """
    if not penalty > 0:
        raise ValueError(f"penalty must be above 0, got {penalty}")
    if not len(feedback.users):
        raise ValueError("there is no feedback of enough users, so no alignment model can be fitted")
    content = principal_components(centroids, DIMENSIONS)
    features = _features(feedback.contexts, feedback.candidates, content)
    labels = labels_of(feedback, interval)
    objective = _pointwise(labels, feedback.users) if loss == "pointwise" else _pairwise(feedback, labels)
    weights = _minimize(features, objective, penalty)
    return AlignmentModel(_pair_scores(weights, content))


def unit_centroids(centroids: Vectors) -> Numbers:
    """Remove the mean of centroids and scale them to unit length, so that products are cosines.

    Args:
        centroids: shape (C, dimensions).

    Returns:
        float64, shape (C, dimensions); 0 for a centroid that equals the mean.
    """
    vectors = np.asarray(centroids, np.float64)
    vectors = vectors - vectors.mean(axis=0)
    lengths = np.sqrt((vectors**2).sum(axis=1, keepdims=True))
    return vectors / np.where(lengths > 0, lengths, 1.0)


def principal_components(centroids: Vectors, dimensions: int) -> Numbers:
    """Project `unit_centroids` to their principal components.

    Args:
        centroids: shape (C, dimensions).
        dimensions: maximum number of components.

    Returns:
        float64, shape (C, components). Signs are arbitrary; no score depends on them.
    """
    left, sizes, _ = np.linalg.svd(unit_centroids(centroids), full_matrices=False)
    components: Numbers = left[:, :dimensions] * sizes[:dimensions]
    return components


def _features(contexts: Codes, candidates: Codes, content: Numbers) -> Any:
    """Return a sparse matrix, shape (rows, features): candidate, context, content and products, constant."""
    rows, count = len(candidates), len(content)
    size = contexts.shape[1]
    indices = np.arange(rows)
    candidate = sparse.csr_matrix((np.ones(rows), (indices, candidates)), shape=(rows, count))
    places = (np.repeat(indices, size), contexts.ravel())
    context = sparse.csr_matrix((np.full(rows * size, 1 / max(size, 1)), places), shape=(rows, count))
    own, mean = content[candidates], context @ content
    products = own * mean
    dense = np.column_stack([own, products, products.sum(axis=1), np.ones(rows)])
    return sparse.hstack([candidate, context, sparse.csr_matrix(dense)], format="csr")


def _pair_scores(weights: Numbers, content: Numbers) -> Numbers:
    """Compute the scores of all pairs of a cluster as context and a candidate, float64, shape (C, C)."""
    count = len(content)
    context, candidate = np.divmod(np.arange(count * count, dtype=np.int32), count)
    scores = np.empty(count * count)
    for start in range(0, len(scores), 1 << 16):
        part = slice(start, start + (1 << 16))
        scores[part] = _features(context[part, None], candidate[part], content) @ weights
    return np.round(scores.reshape(count, count), _DECIMALS)


Objective = Callable[[Numbers], tuple[float, Numbers]]
"""Maps scores of rows to the loss and its derivatives by the scores."""


def _minimize(features: Any, objective: Objective, penalty: float) -> Numbers:
    """Minimize the loss of linear scores plus the penalty; both are convex. Returns the weights of the features."""
    transposed = features.T.tocsr()

    def penalized(weights: Numbers) -> tuple[float, Numbers]:
        value, derivatives = objective(features @ weights)
        return value + penalty / 2 * float(weights @ weights), transposed @ derivatives + penalty * weights

    start = np.zeros(features.shape[1])
    found = optimize.minimize(penalized, start, jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS})
    weights: Numbers = found.x
    return weights


def _pointwise(labels: Fractions, users: Integers) -> Objective:
    """Return the cross-entropy of labels, each weighted by its users."""
    weights = users.astype(np.float64)

    def objective(scores: Numbers) -> tuple[float, Numbers]:
        # log(1 + exp(s)) - label x s
        value = float((weights * (np.logaddexp(0, scores) - labels * scores)).sum())
        return value, weights * (expit(scores) - labels)

    return objective


def _pairwise(feedback: Feedback, labels: Fractions) -> Objective:
    """Return the cross-entropy of the order of the two candidates of each pair of rows of one context."""
    better, worse = ordered_pairs(feedback.contexts, labels)
    users = feedback.users.astype(np.float64)
    weights = users[better] * users[worse] / (users[better] + users[worse])
    # A row is in many pairs; together they weigh as much as its users.
    weights *= users.sum() / weights.sum() if len(weights) else 1.0
    rows = len(labels)

    def objective(scores: Numbers) -> tuple[float, Numbers]:
        differences = scores[better] - scores[worse]
        part = weights * expit(-differences)
        derivatives = np.bincount(worse, part, minlength=rows) - np.bincount(better, part, minlength=rows)
        return float((weights * np.logaddexp(0, -differences)).sum()), derivatives.astype(np.float64)

    return objective


def ordered_pairs(contexts: Codes, labels: Fractions) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Find the pairs of rows of one context with different labels.

    Args:
        contexts: int32, shape (rows, K), equal contexts one after another.
        labels: float64, shape (rows,).

    Returns:
        Indices of the rows with the higher and with the lower label, each of shape (pairs,).
    """
    keys = context_keys(contexts, int(contexts.max(initial=0)) + 1)
    offsets = run_offsets(keys)
    higher, lower = [np.zeros(0, np.intp)], [np.zeros(0, np.intp)]
    for start, stop in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        own = labels[start:stop]
        first, second = np.nonzero(own[:, None] > own)
        higher.append(start + first)
        lower.append(start + second)
    return np.concatenate(higher), np.concatenate(lower)
