"""Asking engines in tests, and gathering what comes."""

from contextlib import aclosing

from models import Failure, FailureCode, Role
from services.engines import EngineError, Piece, Prompt, Turn

HELLO = Prompt([Turn(Role.SYSTEM, "You are Ada."), Turn(Role.USER, "Tell me a story.")], "Ada")


def begun(text: str) -> Prompt:
    """A prompt whose answer begins with the text."""
    return Prompt([*HELLO.turns, Turn(Role.ASSISTANT, text)], "Ada", continues=True)


async def pieces_of(engine, prompt: Prompt = HELLO) -> list[Piece]:
    async with aclosing(engine.reply(prompt)) as pieces:
        return [piece async for piece in pieces]


async def text_of(engine, prompt: Prompt = HELLO) -> str:
    return "".join(piece.text for piece in await pieces_of(engine, prompt))


async def failed(engine, prompt: Prompt = HELLO) -> tuple[str, Failure]:
    """Return the text that came before the failure, and the failure."""
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
