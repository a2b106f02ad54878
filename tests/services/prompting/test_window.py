"""Tests of the window that moves in steps, with random costs."""

from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from services.prompting.window import start_of

costs_of = st.lists(st.integers(0, 100), min_size=1, max_size=200)
rooms = st.integers(0, 2000)


@given(costs_of, rooms)
def test_what_is_kept_fits_and_the_newest_is_always_kept(costs: list[int], room: int) -> None:
    start = start_of(costs, room)
    assert start < len(costs)
    assert sum(costs[start:]) <= room or start == len(costs) - 1


@given(costs_of, st.integers(200, 2000))
def test_it_keeps_at_least_half_of_the_room(costs: list[int], room: int) -> None:
    # No message is longer than half the room.
    assert sum(costs[start_of(costs, room) :]) >= min(room / 2, sum(costs))


@given(costs_of, rooms)
def test_it_only_moves_forward_as_messages_are_added(costs: list[int], room: int) -> None:
    starts = [start_of(costs[:length], room) for length in range(1, len(costs) + 1)]
    assert starts == sorted(starts)


@given(costs_of, rooms, st.integers(0, 2000))
def test_a_smaller_room_never_moves_it_back(costs: list[int], room: int, less: int) -> None:
    assert start_of(costs, room - less) >= start_of(costs, room)


@given(costs_of, rooms, st.data())
def test_it_needs_no_more_of_the_history_than_fills_the_room(
    costs: list[int], room: int, data: st.DataObject
) -> None:
    base = data.draw(st.integers(0, len(costs) - 1))
    if sum(costs[base:]) > room:
        assert start_of(costs[base:], room, base) == start_of(costs, room)


@given(st.integers(1200, 3000), st.randoms(use_true_random=False))
def test_it_moves_rarely(room: int, random: Random) -> None:
    costs = [random.randint(20, 120) for _ in range(300)]
    starts = [start_of(costs[:length], room) for length in range(1, len(costs) + 1)]
    steps = sum(before != after for before, after in pairwise(starts))
    assert steps <= 2 * sum(costs) / (room / 2) + 1


def test_it_starts_where_a_position_has_many_trailing_zero_bits() -> None:
    costs = [10] * 100
    assert start_of(costs[:10], 100) == 0
    assert start_of(costs[:11], 100) == 4
    assert start_of(costs[:14], 100) == 8
    assert start_of(costs[:18], 100) == 8
    assert start_of(costs[:19], 100) == 12
    assert start_of(costs[:21], 100) == 16
