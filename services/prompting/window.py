"""The part of the history that a prompt keeps: a window that moves in steps.

A window that drops one message each turn changes the beginning of every prompt, and an engine must read all of it
again. This one stays where it is for many turns, so an engine with a prompt cache reads only what is new.
"""

import math
from collections.abc import Sequence


def start_of(costs: Sequence[int], room: int, base: int = 0) -> int:
    """Returns the position of the first message to keep. `costs` are those of the positions from `base` on.

    What is kept fits in `room`, and fills at least half of it as far as whole messages allow. The last message is
    kept in any case. If `base` is not 0, the costs must add up to more than `room`.
    """
    kept = 0
    first = best = None
    for position in range(base + len(costs) - 1, base - 1, -1):
        kept += costs[position - base]
        if kept > room and first is not None:
            break
        first = position
        if 2 * kept >= room and (best is None or _steadiness(position) > _steadiness(best)):
            best = position
    start = first if best is None else best
    return base if start is None else start


def _steadiness(position: int) -> float:
    """Ranks positions by their trailing zero bits: the more a position has, the longer it stays the best one."""
    return position & -position or math.inf
