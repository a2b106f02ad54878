"""Plans of prompts: the character's texts, as much of the newest history as fits, and the last instructions."""

from collections.abc import Sequence

from models import FailureCode, Role
from services.engines import EngineError, PromptTurn
from services.prompting.values import Cost, Plan, Said, Scene
from services.prompting.window import start_of

# Tokens that a chat template adds to each turn.
TURN_TOKENS = 8

# An eighth of the limit is kept free of history, for the text of a reply that is continued: its prompt can then
# begin as it did when the reply was new.
RESERVED_PART = 8

_DEFAULT_SYSTEM_PROMPT = (
    "You are {{char}}, talking with {{user}}. Stay in character and write only {{char}}'s next reply."
)


def plan(scene: Scene, said: Sequence[Said], limit: int, cost: Cost, begun: str = "") -> Plan:
    """Plans a prompt of at most `limit` tokens. `said` is the history before the reply, oldest first.

    With `begun`, the text of a reply to continue, the plan is the one that the reply had, and its text.
    Raises EngineError CONTEXT_TOO_LONG when the character's texts and the newest message alone are too long.
    """
    before, after = opening(scene), closing(scene)
    room = limit - sum(_turn_cost(turn.content, cost) for turn in [*before, *after])
    if room < 0:
        raise _too_long("The character's texts alone are too long for the model.")
    taken = _turn_cost(begun, cost) if begun else 0
    if taken > room:
        raise _too_long("The newest message is too long for the model.")
    costs = [_turn_cost(message.content, cost) for message in said]
    kept = _kept(said, costs, room, taken, max(1, limit // RESERVED_PART))
    history = [PromptTurn(message.role, message.content) for message in kept]
    return Plan(scene.names.char, before, history, after, begun)


def texts(scene: Scene, said: Sequence[Said], begun: str) -> list[str]:
    """Returns the texts whose cost `plan` asks for."""
    turns = [*opening(scene), *closing(scene)]
    return [turn.content for turn in turns] + [message.content for message in said] + [begun]


def opening(scene: Scene) -> list[PromptTurn]:
    """Returns the turns before the history; they change only when somebody edits the texts."""
    parts = [
        ("", scene.system_prompt or _DEFAULT_SYSTEM_PROMPT),
        ("", scene.description),
        ("{{char}}'s personality: ", scene.personality),
        ("Scenario: ", scene.scenario),
        ("How {{char}} talks:\n", scene.example_dialogue),
        ("What this conversation is about: ", scene.topic),
        ("Good to know: ", scene.context),
    ]
    text = "\n\n".join(label + text for label, text in parts if text and text.strip())
    return [PromptTurn(Role.SYSTEM, scene.names.expand_macros(text))]


def closing(scene: Scene) -> list[PromptTurn]:
    """Returns the turns after the history."""
    text = scene.post_history_instructions
    return [PromptTurn(Role.SYSTEM, scene.names.expand_macros(text))] if text.strip() else []


def _kept(said: Sequence[Said], costs: Sequence[int], room: int, taken: int, reserve: int) -> Sequence[Said]:
    """Returns the messages of the window, when the text of the reply has taken some of the room."""
    # The reply's own window, or if its text does not fit beside that, a smaller one.
    for width in (room - reserve, room - max(reserve, taken)):
        kept = _window(said, costs, width)
        if sum(costs[len(said) - len(kept) :]) + taken <= room:
            return kept
    if taken:
        return []
    raise _too_long("The newest message is too long for the model.")


def _window(said: Sequence[Said], costs: Sequence[int], room: int) -> Sequence[Said]:
    if not said:
        return said
    base = said[0].position
    by_position = [0] * (said[-1].position - base + 1)
    for message, cost in zip(said, costs, strict=True):
        by_position[message.position - base] = cost
    start = start_of(by_position, room, base)
    return [message for message in said if message.position >= start]


def _turn_cost(text: str, cost: Cost) -> int:
    return cost(text) + TURN_TOKENS


def _too_long(message: str) -> EngineError:
    return EngineError(FailureCode.CONTEXT_TOO_LONG, message, retryable=False)
