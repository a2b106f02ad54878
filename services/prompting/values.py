"""Values that prompts are planned from, and the plan."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models import Generation, Role
from services.engines import Prompt, PromptTurn
from services.prompting.macros import Names

# Returns the tokens of a text, without those that a chat template adds around it.
Cost = Callable[[str], int]


@dataclass(frozen=True)
class Scene:
    """Texts of a character and its conversation that are part of every prompt."""

    names: Names
    system_prompt: str = ""
    description: str = ""
    personality: str = ""
    scenario: str = ""
    example_dialogue: str = ""
    post_history_instructions: str = ""
    topic: str | None = None
    context: str | None = None


@dataclass(frozen=True)
class Said:
    """A message that is not hidden and not empty, with its position on the active path."""

    position: int
    role: Role
    content: str


@dataclass(frozen=True)
class Plan:
    """What a prompt says, in order. `begun` is the text of a reply to continue; empty for a new reply."""

    speaker: str
    opening: Sequence[PromptTurn]
    history: Sequence[PromptTurn]
    closing: Sequence[PromptTurn]
    begun: str = ""

    def prompt(self, generation: Generation) -> Prompt:
        turns = [*self.opening, *self.history, *self.closing]
        if self.begun:
            turns.append(PromptTurn(Role.ASSISTANT, self.begun))
        return Prompt(turns, self.speaker, generation, continues=bool(self.begun))
