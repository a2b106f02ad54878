"""The rows that a soak leaves in the database, and what must hold between them whatever was asked."""

import json
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from itertools import zip_longest
from pathlib import Path

import asyncpg

from models import LOCAL_OWNER
from tests.support.soaking.ledger import Row, token_of

_TABLES = {
    "characters": "SELECT *, 'char_' || id AS id FROM characters",
    "conversations": "SELECT *, 'conv_' || id AS id, 'char_' || character_id AS character_id FROM conversations",
    "messages": "SELECT *, 'msg_' || id AS id, 'conv_' || conversation_id AS conversation_id, "
    "'msg_' || parent_id AS parent_id FROM messages ORDER BY position, messages.id",
    "runs": "SELECT *, 'conv_' || conversation_id AS conversation_id, 'msg_' || message_id AS message_id "
    "FROM runs ORDER BY started",
    "idempotency_keys": "SELECT * FROM idempotency_keys",
}


class State:
    """The rows of a database; ids are as in the API. `broken` is what the database itself finds wrong.

    `may_freeze`: a server may have been stopped for a while, so that others ended its replies without it.
    """

    def __init__(self, rows: dict[str, list[Row]], broken: list[Row], may_freeze: bool = False) -> None:
        self.rows = rows
        self.broken = broken
        self.may_freeze = may_freeze
        self.conversations = {row["id"]: row for row in self.rows["conversations"]}
        self.messages = {row["id"]: row for row in self.rows["messages"]}
        self.tree: dict[str, list[Row]] = defaultdict(list)
        self.runs: dict[str, list[Row]] = defaultdict(list)
        for row in self.rows["messages"]:
            self.tree[row["conversation_id"]].append(row)
        for row in self.rows["runs"]:
            self.runs[row["conversation_id"]].append(row)

    @classmethod
    def of_file(cls, path: Path) -> "State":
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30, isolation_level=None)) as file:
            file.row_factory = _as_dict
            file.execute("BEGIN")
            rows = {table: file.execute(query).fetchall() for table, query in _TABLES.items()}
            broken = file.execute("PRAGMA foreign_key_check").fetchall()
            integrity = file.execute("PRAGMA integrity_check").fetchall()
        return cls(rows, broken + [row for row in integrity if row != {"integrity_check": "ok"}])

    @classmethod
    async def of_postgres(cls, url: str) -> "State":
        connection = await asyncpg.connect(url)
        try:
            await connection.set_type_codec("uuid", encoder=str, decoder=_digits, schema="pg_catalog")
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                found = {table: await connection.fetch(_of_uuids(query)) for table, query in _TABLES.items()}
        finally:
            await connection.close()
        rows = {table: [dict(record.items()) for record in records] for table, records in found.items()}
        return cls(rows, [], may_freeze=True)

    @property
    def is_settled(self) -> bool:
        unfinished = [run for run in self.rows["runs"] if run["ended"] is None]
        return not unfinished and not any(row["deleting_at"] for row in self.rows["characters"])

    def path(self, conversation: str) -> list[Row]:
        return [row for row in self.tree[conversation] if row["active"]]


def _as_dict(cursor: sqlite3.Cursor, row: tuple[object, ...]) -> Row:
    # The last of several columns with one name wins: the id with its prefix.
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


def _digits(uuid: str) -> str:
    return uuid.replace("-", "")


def _of_uuids(query: str) -> str:
    return re.sub(r"\|\| (\w+) AS", r"|| replace(\1::text, '-', '') AS", query)


def row_violations(state: State) -> Iterator[str]:
    yield from (f"the database finds wrong: {row}" for row in state.broken)
    for name, rows in state.rows.items():
        owner = LOCAL_OWNER.partition("_")[2]
        yield from (f"{name} of another owner: {row}" for row in rows if row["owner"] != owner)
    counts = Counter(row["character_id"] for row in state.rows["conversations"])
    for row in state.rows["characters"]:
        if row["conversation_count"] != counts[row["id"]] or row["deleting_at"]:
            yield f"character with {counts[row['id']]} conversations: {row}"
    for id, conversation in state.conversations.items():
        for check in (_path, _tree, _runs):
            yield from (f"{id}: {found}" for found in check(state, conversation))


def _path(state: State, conversation: Row) -> Iterator[str]:
    path = state.path(conversation["id"])
    positions = [row["position"] for row in path]
    if positions != list(range(conversation["message_count"])):
        yield f"message_count {conversation['message_count']}, active positions {positions}"
    for above, row in zip([None, *path], path, strict=False):
        if row["parent_id"] != (above and above["id"]) or not row["selected"]:
            yield f"the active path is broken: {row} follows {above}"


def _tree(state: State, conversation: Row) -> Iterator[str]:
    rows = state.tree[conversation["id"]]
    for row in rows:
        parent = state.messages.get(row["parent_id"])
        place = (parent["conversation_id"], parent["position"] + 1) if parent else (row["conversation_id"], 0)
        if place != (row["conversation_id"], row["position"]):
            yield f"not below its parent: {row}"
        if row["selected"] and not row["active"] and (parent is None or parent["active"]):
            yield f"selected below an active message, but inactive: {row}"
        if row["status"] not in ("COMPLETED", "STOPPED", "INTERRUPTED"):
            yield f"unexpected status: {row}"
    selected = Counter(row["parent_id"] for row in rows if row["selected"])
    yield from (f"{count} selected children of {parent}" for parent, count in selected.items() if count > 1)
    tokens = Counter(filter(None, (token_of(row["content"]) for row in rows)))
    yield from (f"stored {count} times: {token}" for token, count in tokens.items() if count > 1)


def _runs(state: State, conversation: Row) -> Iterator[str]:
    runs, rows = state.runs[conversation["id"]], state.tree[conversation["id"]]
    yield from (f"open run: {run}" for run in runs if run["ended"] is None)
    versions = [run[name] for run in runs for name in ("started", "ended") if run[name] is not None]
    versions += [row["edited_version"] for row in rows if row["edited_version"]]
    counts = Counter(versions)
    yield from (f"{count} changes have version {version}" for version, count in counts.items() if count > 1)
    if max(versions, default=0) > conversation["history_version"]:
        yield f"versions up to {max(versions)}, but history_version is {conversation['history_version']}"
    latest = {run["message_id"]: run for run in runs}
    last_whole = {run["writer"]: run["started"] for run in runs if run["status"] != "INTERRUPTED"}
    for run in runs:
        went_on = run["started"] < last_whole.get(run["writer"], 0)
        if run["status"] == "INTERRUPTED" and went_on and not state.may_freeze:
            yield f"interrupted, although its server went on: {run}"
        message = state.messages.get(run["message_id"])
        if message is None or message["conversation_id"] != conversation["id"]:
            yield f"run without its message: {run}"
        elif message["edited_version"] < run["started"]:
            length, is_latest = len(message["content"]), run is latest[message["id"]]
            if run["start_offset"] > run["end_offset"] or run["end_offset"] > length:
                yield f"offsets: {run}, {message}"
            if is_latest and (run["end_offset"], run["status"]) != (length, message["status"]):
                yield f"the latest run and its message disagree: {run}, {message}"


def api_violations(state: State, conversation: Row) -> Iterator[str]:
    """Compares a conversation of the API, with its whole `chatHistory`, to the rows."""
    row, path = state.conversations[conversation["id"]], state.path(conversation["id"])
    if (conversation["messageCount"], conversation["historyVersion"]) != (
        row["message_count"],
        row["history_version"],
    ):
        yield f"the API's {conversation} is stored as {row}"
    if conversation["activeReply"] is not None:
        yield f"an active reply: {conversation['activeReply']}"
    shown = [one for one in path if one["content"] or one["status"] == "COMPLETED"]
    for element, one in zip_longest(conversation["chatHistory"], shown):
        stored = one and {
            "role": one["role"].lower(),
            "content": one["content"],
            **json.loads(one["metadata"] or "{}"),
        }
        if element != stored:
            yield f"the API's {element} is stored as {one}"
