"""Reading and repairing histories."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from models import Role
from services.importing.values import Tally
from services.legacy import histories, repairs
from services.legacy.histories import Unreadable
from services.legacy.repairs import Repair


@pytest.mark.parametrize("cell", [None, "", " \n", "[]", '"[]"', '"\\"[]\\""', "null", '""', b"[]"])
def test_nothing_is_an_empty_history(cell: Any) -> None:
    assert histories.decoded(cell, Tally()) == []


@pytest.mark.parametrize("cell", ["{", "{}", "1", '"a"', "[" * 100_000, b"\xff", 7])
def test_what_is_no_list_is_unreadable(cell: Any) -> None:
    with pytest.raises(Unreadable):
        histories.decoded(cell, Tally())


@pytest.mark.parametrize(
    "role,stored,kept",
    [
        ("user", Role.USER, {}),
        ("assistant", Role.ASSISTANT, {}),
        ("system", Role.SYSTEM, {}),
        ("User", Role.USER, {"role": "User"}),
        ("tool", Role.ASSISTANT, {"role": "tool"}),
        (None, Role.ASSISTANT, {"role": None}),
        (["x"], Role.ASSISTANT, {"role": ["x"]}),
    ],
)
def test_a_role_of_another_name_is_kept(role: Any, stored: Role, kept: dict[str, Any]) -> None:
    row = histories.row({"role": role, "content": ""}, Tally())
    assert (row["role"], row["extra"] or {}) == (stored, kept)


@pytest.mark.parametrize("content,text", [(None, ""), (1, "1"), ([{"type": "text"}], '[{"type": "text"}]')])
def test_what_is_no_text_becomes_one_and_is_counted(content: Any, text: str) -> None:
    tally = Tally()
    assert histories.row({"role": "user", "content": content}, tally)["content"] == text
    assert tally.repaired == {Repair.NO_TEXT: 1}


def test_only_what_cannot_be_stored_is_replaced() -> None:
    tally = Tally()
    assert repairs.text("a\0b\ud800c\ud83d\ude00 İ\n", tally) == "a\ufffdb\ufffdc😀 İ\n"
    assert tally.repaired == {Repair.NUL: 1, Repair.SURROGATE: 1}


def test_json_is_repaired_all_the_way_down() -> None:
    tally = Tally()
    value = json.loads('{"\\u0000": [NaN, 1e999, "\\ud800", {"big": 123456789012345678901234567890}]}')
    assert repairs.json_value(value, tally) == {
        "\ufffd": [None, None, "\ufffd", {"big": 123456789012345678901234567890}]
    }
    assert tally.repaired == {Repair.NUL: 1, Repair.NUMBER: 2, Repair.SURROGATE: 1}


def test_json_too_deep_for_a_client_is_kept_as_text() -> None:
    tally, deep = Tally(), json.loads("[" * 90 + "]" * 90)
    value = repairs.json_value(deep, tally)
    for _ in range(60):
        [value] = value
    assert value == "[" * 30 + "]" * 30
    assert tally.repaired == {Repair.DEPTH: 1}


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system has no time zone to set")
def test_times_are_utc_wherever_the_server_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Istanbul")
    time.tzset()
    read = [repairs.moment(text) for text in ("2025-05-18 04:35:40", "2025-05-18T07:35:40+03:00", "yesterday", "")]
    monkeypatch.undo()
    time.tzset()
    assert read == [datetime(2025, 5, 18, 4, 35, 40, tzinfo=UTC)] * 2 + [None, None]


def test_a_name_fits() -> None:
    tally = Tally()
    assert repairs.name(" Ada\n", tally, "Unnamed") == "Ada"
    assert not tally.repaired
    assert repairs.name("", tally, "Unnamed") == "Unnamed"
    assert repairs.name("x" * 255, tally, "Unnamed") == "x" * 199 + "…"
    assert tally.repaired == {Repair.NAME: 2}
