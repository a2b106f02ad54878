"""Prompts for engines in tests, and functions that collect the replies."""

from contextlib import aclosing

from models import Failure, FailureCode, Role
from services.engines import EngineError, Piece, Prompt, PromptTurn

HELLO = Prompt([PromptTurn(Role.SYSTEM, "You are Ada."), PromptTurn(Role.USER, "Tell me a story.")], "Ada")


def begun(text: str) -> Prompt:
    """Returns a prompt whose reply begins with the text."""
    return Prompt([*HELLO.turns, PromptTurn(Role.ASSISTANT, text)], "Ada", continues=True)


async def pieces_of(engine, prompt: Prompt = HELLO) -> list[Piece]:
    async with aclosing(engine.reply(prompt)) as pieces:
        return [piece async for piece in pieces]


async def text_of(engine, prompt: Prompt = HELLO) -> str:
    return "".join(piece.text for piece in await pieces_of(engine, prompt))


async def failed(engine, prompt: Prompt = HELLO) -> tuple[str, Failure]:
    """Returns the text before the failure, and the failure."""
    text = ""
    async with aclosing(engine.reply(prompt)) as pieces:
        try:
            async for piece in pieces:
                text += piece.text
        except EngineError as error:
            return text, error.failure
    raise AssertionError(f"the reply came to an end: {text!r}")


async def code_of(engine, prompt: Prompt = HELLO) -> FailureCode:
    return (await failed(engine, prompt))[1].code
