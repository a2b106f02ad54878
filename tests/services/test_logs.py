"""The log as people and programs read it."""

import io
import json
import logging
import sys
from pathlib import Path

from services.logs import JSONLines, Lines, current_request_id, set_request_id
from tests.support.makers import until
from tests.support.processes import started


def logged(formatter: logging.Formatter, message: str, *values: object, failing: bool = False) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    error = None
    if failing:
        try:
            raise ValueError("of many\nlines")
        except ValueError:
            error = sys.exc_info()
    handler.handle(logging.LogRecord("repartee.x", logging.WARNING, "", 1, message, values, error))
    return stream.getvalue()


async def test_a_message_is_one_object_on_one_line_whatever_is_in_it() -> None:
    text = logged(JSONLines(), 'a\nb %s "\ud800 é', 7, failing=True)
    assert text.count("\n") == 1
    line = json.loads(text)
    assert line["message"] == 'a\nb 7 "\ud800 é'
    assert (line["level"], line["logger"]) == ("warning", "repartee.x")
    assert line["time"].endswith("+00:00")
    assert "ValueError: of many\nlines" in line["exception"]
    assert "requestId" not in line


async def test_a_message_has_the_id_of_the_request_that_it_is_about() -> None:
    assert logged(Lines("%(message)s"), "done") == "done\n"
    set_request_id("r1")
    assert current_request_id() == "r1"
    assert logged(Lines("%(message)s"), "done") == "done [r1]\n"
    assert json.loads(logged(JSONLines(), "done"))["requestId"] == "r1"


async def test_a_server_that_is_told_so_logs_nothing_but_json(tmp_path: Path) -> None:
    log = tmp_path / "log"
    engine = {"ENGINE": "openai", "ENGINE_URL": "http://127.0.0.1:9/v1"}
    with log.open("wb") as errors:
        async with started(tmp_path, errors, LOG_FORMAT="json", LOG_LEVEL="debug", **engine) as (_, client):
            await client.post("{ models { name } }")
            await until(lambda: "does not answer yet" in log.read_text())
    assert {json.loads(line)["logger"] for line in log.read_text().splitlines()} >= {"repartee"}
