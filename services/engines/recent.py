"""Prompts of recent replies: recognises a prompt that is an earlier one whose history has moved on."""

from collections import deque
from collections.abc import Sequence

from services.engines import Prompt

_MAX_PROMPTS = 32


class RecentPrompts:
    """Hashes of the turns of the prompts that were seen last."""

    def __init__(self) -> None:
        self._prompts: deque[list[int]] = deque(maxlen=_MAX_PROMPTS)

    def have_moved_to(self, prompt: Prompt) -> bool:
        """Returns whether this is a recent prompt without its oldest messages, and perhaps with newer ones.

        From now on, the prompt is a recent one too.
        """
        turns = [hash(turn) for turn in prompt.turns]
        has_moved = any(_has_moved(recent, turns) for recent in self._prompts)
        self._prompts.append(turns)
        return has_moved


def _has_moved(before: Sequence[int], after: Sequence[int]) -> bool:
    if before[0] != after[0]:
        return False
    # The last instructions follow the history in both.
    end = -1 if before[-1] == after[-1] else None
    old, new = before[1:end], after[1:end]
    if not new or new[0] not in old[1:]:
        return False
    kept = old[old.index(new[0]) :]
    return new[: len(kept)] == kept
