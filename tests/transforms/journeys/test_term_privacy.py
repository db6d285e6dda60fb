import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import SALIENT_TERMS
from tests.transforms.journeys.events import Event, events, salient_terms
from transforms.journeys.catalogue import pack_catalogue, unpack_catalogue
from transforms.journeys.histories import build_histories
from transforms.journeys.interactions import EVENTS
from transforms.journeys.term_privacy import TERM_USERS, keep_terms, term_users, terms_above_min_users

Items = list[dict[str, float]]


def reached(log: list[Event], items: Items, max_history: int = 1000) -> pa.RecordBatch:
    histories = build_histories([events(log)], EVENTS, max_history)
    catalogue = unpack_catalogue(pack_catalogue([salient_terms(items)]))
    return term_users(histories, histories.events["item"].to_numpy(), catalogue)


def by_term(rows: pa.RecordBatch) -> dict[str, int]:
    return dict(zip(rows["term"].to_pylist(), rows["users"].to_pylist(), strict=True))


def test_by_hand() -> None:
    items = [{"tea": 0.5, "cup": 0.5}, {"tea": 1.0}, {"pot": 1.0}, {}]
    log = [("u", 1, 0), ("u", 2, 1), ("u", 3, 0), ("v", 1, 1), ("w", 1, 3)]
    rows = reached(log, items)
    assert rows.schema == TERM_USERS
    assert rows.to_pylist() == [{"term": "cup", "users": 1}, {"term": "tea", "users": 2}]


def test_truncated_events_do_not_count() -> None:
    assert by_term(reached([("u", 1, 0), ("u", 2, 1)], [{"tea": 1.0}, {"pot": 1.0}], max_history=1)) == {"pot": 1}


SOME_ITEMS = st.lists(st.dictionaries(st.sampled_from("abcde"), st.just(0.5), max_size=4), min_size=1, max_size=5)


@settings(deadline=None)
@given(SOME_ITEMS, st.data())
def test_counts_the_users_of_each_term(items: Items, data: st.DataObject) -> None:
    event = st.tuples(st.sampled_from("uvwxyz"), st.integers(0, 3), st.integers(0, len(items) - 1))
    log = data.draw(st.lists(event, max_size=30))
    users: dict[str, set[str]] = {}
    for user, _, item in log:
        for term in items[item]:
            users.setdefault(term, set()).add(user)
    expected = {term: len(those) for term, those in users.items()}
    assert by_term(reached(log, items)) == expected

    separate = [reached([event for event in log if event[0] in half], items) for half in ("uvw", "xyz")]
    least = data.draw(st.integers(1, 4))
    summed = terms_above_min_users(separate, least)
    assert summed.schema == TERM_USERS
    assert summed["term"].to_pylist() == sorted(summed["term"].to_pylist())
    assert by_term(summed) == {term: number for term, number in expected.items() if number >= least}


def test_an_empty_log_has_no_term_users() -> None:
    assert reached([], []).num_rows == 0
    assert reached([], [{"tea": 1.0}]).num_rows == 0
    assert reached([("u", 1, 0)], [{}]).num_rows == 0
    assert terms_above_min_users([], 1).num_rows == 0


def test_terms_that_are_not_kept_are_taken_out() -> None:
    salient = salient_terms({"b": {"tea": 0.5, "cup": 0.25, "pot": 0.125}, "a": {"cup": 1.0}, "c": {}})
    kept = keep_terms(salient, pa.array(["tea", "pot", "unheard of"]))
    SALIENT_TERMS.check(kept)
    assert kept == salient_terms({"b": {"tea": 0.5, "pot": 0.125}, "a": {}, "c": {}})


@settings(deadline=None)
@given(SOME_ITEMS, st.sets(st.sampled_from("abcde")), st.integers(0, 4))
def test_kept_terms_stay_in_place(items: Items, kept: set[str], start: int) -> None:
    found = keep_terms(salient_terms(items).slice(start), pa.array(sorted(kept), pa.string()))
    expected = [{term: salience for term, salience in item.items() if term in kept} for item in items]
    assert found == salient_terms(expected).slice(start)
