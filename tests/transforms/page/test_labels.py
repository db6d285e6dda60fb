from hypothesis import given
from hypothesis import strategies as st

from transforms.page.labels import Box, Label, place_labels

BORDER = Box(0, 0, 100, 100)


def test_a_name_is_placed_to_the_right_if_there_is_room() -> None:
    assert place_labels([Label(50, 50, 2, 20, 10)], BORDER) == [Box(52, 45, 72, 55)]


def test_at_the_border_it_is_placed_to_the_left() -> None:
    assert place_labels([Label(90, 50, 2, 20, 10)], BORDER) == [Box(68, 45, 88, 55)]


def test_a_name_gives_way_to_an_earlier_one_and_to_obstacles() -> None:
    first, second = place_labels([Label(50, 50, 2, 20, 10), Label(50, 50, 2, 20, 10)], BORDER)
    assert (first, second) == (Box(52, 45, 72, 55), Box(28, 45, 48, 55))
    (moved,) = place_labels([Label(50, 50, 2, 20, 10)], BORDER, [Box(53, 49, 54, 51)])
    assert moved == Box(28, 45, 48, 55)


def test_a_name_without_room_is_left_out() -> None:
    assert place_labels([Label(50, 50, 2, 101, 10)], BORDER) == [None]


@given(
    st.lists(
        st.builds(Label, st.floats(0, 100), st.floats(0, 100), st.floats(0, 9), st.floats(1, 60), st.floats(1, 20)),
        max_size=25,
    )
)
def test_names_overlap_neither_each_other_nor_the_border(labels: list[Label]) -> None:
    boxes = place_labels(labels, BORDER)
    assert len(boxes) == len(labels)
    placed = [box for box in boxes if box is not None]
    for number, box in enumerate(placed):
        assert box.left >= 0
        assert box.top >= 0
        assert box.right <= 100
        assert box.bottom <= 100
        for other in placed[:number]:
            width = min(box.right, other.right) - max(box.left, other.left)
            height = min(box.bottom, other.bottom) - max(box.top, other.top)
            assert width <= 0 or height <= 0
