"""The text of a context: cluster ids joined by single spaces, the most recent last; formatted and parsed only here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

SEPARATOR = " "
"""The separator of ids."""
_SPACE = r"[\s\x0b\x1c-\x1f\x{85}\p{Z}]"  # the white space of Python; alone, `\s` is only that of ASCII


def format_context(cluster_ids: Iterable[str]) -> str:
    """Format the clusters of a context.

    Args:
        cluster_ids: ids without white space, the most recent last.

    Returns:
        The text; empty without clusters, which is the context of a user without history.

    Raises:
        ValueError: when an id is empty or has white space.
    """
    ids = tuple(cluster_ids)
    for cluster_id in ids:
        if cluster_id.split() != [cluster_id]:
            raise ValueError(f"a cluster id must not be empty or have white space, got {cluster_id!r}")
    return SEPARATOR.join(ids)


def parse_context(text: str) -> tuple[str, ...]:
    """Parse what `format_context` wrote: cluster ids, the most recent last.

    Raises:
        ValueError: when the ids are not separated by single spaces.
    """
    ids = tuple(text.split(SEPARATOR)) if text else ()
    if any(cluster_id.split() != [cluster_id] for cluster_id in ids):
        raise ValueError(f"a context must be cluster ids joined by single spaces, got {text!r}")
    return ids


def format_contexts(places: Sequence[pa.StringArray]) -> pa.StringArray:
    """Format contexts of one size, as `format_context` does.

    Args:
        places: for each place of the context, at least one, the cluster ids of all rows; without null.

    Returns:
        The texts, shape (rows,).

    Raises:
        ValueError: when an id is empty or has white space.
    """
    for place in places:
        wrong = place.filter(_is_wrong(place))
        if len(wrong):
            raise ValueError(f"a cluster id must not be empty or have white space, got {wrong[0].as_py()!r}")
    return pc.binary_join_element_wise(*places, SEPARATOR) if len(places) > 1 else places[0]


def parse_contexts(texts: pa.StringArray) -> pa.ListArray:
    """Parse contexts of any sizes, as `parse_context` does.

    Args:
        texts: what `format_context` wrote; without null.

    Returns:
        Lists of cluster ids, shape (rows,).

    Raises:
        ValueError: when the ids of a context are not separated by single spaces.
    """
    lists = pc.split_pattern(texts, SEPARATOR)
    if _is_wrong(pc.unique(lists.flatten())).true_count == 0:
        return lists
    # The text of the empty context is split into one empty id, all others are wrong.
    is_wrong = pc.list_parent_indices(lists).filter(_is_wrong(lists.flatten()))
    invalid = texts.take(is_wrong)
    invalid = invalid.filter(pc.not_equal(invalid, ""))
    if len(invalid):
        raise ValueError(f"a context must be cluster ids joined by single spaces, got {invalid[0].as_py()!r}")
    return pc.if_else(pc.equal(texts, ""), pa.scalar([], lists.type), lists)


def _is_wrong(cluster_ids: pa.StringArray) -> pa.BooleanArray:
    """Return whether each id is empty or has white space."""
    return pc.or_(pc.equal(cluster_ids, ""), pc.match_substring_regex(cluster_ids, _SPACE))
