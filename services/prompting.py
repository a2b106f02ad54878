"""Prompts for engines, made of rows. Pure functions."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from models import Character, Conversation, FailureCode, Generation, Message, Role
from services.engines import EngineError, Prompt, PromptTurn
from services.engines.tokens import estimate

_DEFAULT_SYSTEM_PROMPT = (
    "You are {{char}}, talking with {{user}}. Stay in character and write only {{char}}'s next reply."
)

_MACRO = re.compile(r"\{\{(char|user)\}\}", re.IGNORECASE)

# Tokens that a chat template adds to each turn.
_TURN_TOKENS = 8


@dataclass(frozen=True)
class Names:
    """Values of the macros `{{char}}` and `{{user}}`."""

    char: str
    user: str

    def expand_macros(self, text: str) -> str:
        """Replaces the macros once; macros inside a name are not expanded."""
        return _MACRO.sub(lambda match: self.char if match[1].lower() == "char" else self.user, text)


@dataclass(frozen=True)
class Scene:
    """The character, its conversation, and their names."""

    character: Character
    conversation: Conversation
    names: Names


def build_prompt(
    scene: Scene, newest_first: Iterable[Message], limit: int, generation: Generation, continues: bool = False
) -> Prompt:
    """Describes the character, then gives as much of the newest history as fits, in whole messages.

    `newest_first` is read only as far as it fits. Raises EngineError CONTEXT_TOO_LONG when the character
    and the newest message alone take more than `limit` tokens.
    """
    opening = [PromptTurn(Role.SYSTEM, scene.names.expand_macros(_opening(scene)))]
    closing = _closing(scene)
    room = limit - sum(map(_cost, opening + closing))
    if room < 0:
        raise _too_long("The character's texts alone are too long for the model.")
    history = _newest_that_fit(newest_first, room)
    # A reply that is continued must be the last turn that the engine reads.
    turns = opening + closing + history if continues else opening + history + closing
    return Prompt(turns=turns, speaker=scene.names.char, generation=generation, continues=continues)


def _opening(scene: Scene) -> str:
    character, conversation = scene.character, scene.conversation
    parts = [
        ("", character.system_prompt or _DEFAULT_SYSTEM_PROMPT),
        ("", character.description),
        ("{{char}}'s personality: ", character.personality),
        ("Scenario: ", character.scenario),
        ("How {{char}} talks:\n", character.example_dialogue),
        ("What this conversation is about: ", conversation.topic),
        ("Good to know: ", conversation.context),
    ]
    return "\n\n".join(label + text for label, text in parts if text and text.strip())


def _closing(scene: Scene) -> list[PromptTurn]:
    text = scene.character.post_history_instructions
    return [PromptTurn(Role.SYSTEM, scene.names.expand_macros(text))] if text.strip() else []


def _newest_that_fit(newest_first: Iterable[Message], room: int) -> list[PromptTurn]:
    turns: list[PromptTurn] = []
    for message in newest_first:
        if not message.content:
            continue
        turn = PromptTurn(message.role, message.content)
        room -= _cost(turn)
        if room < 0:
            if turns:
                break
            raise _too_long("The newest message is too long for the model.")
        turns.append(turn)
    return turns[::-1]


def _cost(turn: PromptTurn) -> int:
    return estimate(turn.content) + _TURN_TOKENS


def _too_long(message: str) -> EngineError:
    return EngineError(FailureCode.CONTEXT_TOO_LONG, message, retryable=False)
