import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from transforms.page.sampling import HashSample

IDS = [f"u{number}" for number in range(50)]


def sample(batches: list[list[str]], size: int, seed: int = 0) -> list[str]:
    kept = HashSample(size, seed)
    for batch in batches:
        kept.add(pa.array(batch, pa.string()))
    return kept.texts()


def test_all_texts_are_kept_if_there_are_few() -> None:
    assert sorted(sample([["b", "a"], ["a"]], 10)) == ["a", "b"]


@given(st.permutations(IDS), st.integers(1, 49), st.integers(1, 20))
def test_the_sample_depends_on_neither_order_nor_batches(order: list[str], cut: int, size: int) -> None:
    whole = sample([IDS], size)
    assert sample([order[:cut], order[cut:], order[:3]], size) == whole
    assert len(whole) == size


def test_another_seed_gives_another_sample() -> None:
    assert sample([IDS], 10, 0) != sample([IDS], 10, 1)


def test_a_smaller_sample_is_part_of_a_larger_one() -> None:
    assert sample([IDS], 5) == sample([IDS], 20)[:5]
