"""What must hold at the end of a soak: between the rows, and between them and what clients were told."""

import json
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from itertools import zip_longest
from pathlib import Path

from models import LOCAL_OWNER
from tests.support.soaking.ledger import UNKNOWN, Ledger, Request, Row, Watcher, token_of

_TABLES = {
    "characters": "SELECT *, 'char_' || id AS id FROM characters",
    "conversations": "SELECT *, 'conv_' || id AS id, 'char_' || character_id AS character_id FROM conversations",
    "messages": "SELECT *, 'msg_' || id AS id, 'conv_' || conversation_id AS conversation_id, "
    "'msg_' || parent_id AS parent_id FROM messages ORDER BY position, id",
    "runs": "SELECT *, 'conv_' || conversation_id AS conversation_id, 'msg_' || message_id AS message_id FROM runs",
    "idempotency_keys": "SELECT * FROM idempotency_keys",
}
_RECORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (?P<level>\w+) (?P<name>[\w.]+): (?P<message>.*)")
# Logged with a traceback, when the database was locked for too long.
_FORESEEN = re.compile(r"The end of a reply could not be stored|A checkpoint failed|Housekeeping failed|Request \w+ ")
_LOCKED = re.compile(r"^models\.database\.Unavailable|database is locked", re.MULTILINE)


class State:
    """The rows of a database file, read by plain SQL; ids are as in the API."""

    def __init__(self, path: Path) -> None:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30, isolation_level=None)) as file:
            file.row_factory = _as_dict
            file.execute("BEGIN")
            self.rows = {table: file.execute(query).fetchall() for table, query in _TABLES.items()}
            self.broken = file.execute("PRAGMA foreign_key_check").fetchall()
            self.integrity = file.execute("PRAGMA integrity_check").fetchall()
        self.conversations = {row["id"]: row for row in self.rows["conversations"]}
        self.messages = {row["id"]: row for row in self.rows["messages"]}
        self.tree: dict[str, list[Row]] = defaultdict(list)
        self.runs: dict[str, list[Row]] = defaultdict(list)
        for row in self.rows["messages"]:
            self.tree[row["conversation_id"]].append(row)
        for row in self.rows["runs"]:
            self.runs[row["conversation_id"]].append(row)

    @property
    def is_settled(self) -> bool:
        unfinished = [run for run in self.rows["runs"] if run["ended"] is None]
        return not unfinished and not any(row["deleting_at"] for row in self.rows["characters"])

    def path(self, conversation: str) -> list[Row]:
        return [row for row in self.tree[conversation] if row["active"]]


def _as_dict(cursor: sqlite3.Cursor, row: tuple[object, ...]) -> Row:
    # The last of several columns with one name wins: the id with its prefix.
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


def violations(state: State, ledger: Ledger) -> list[str]:
    checks = (_rows, _requests, _keys, _messages, _edits, _watchers)
    return [*ledger.violations, *(found for check in checks for found in check(state, ledger))]


def _rows(state: State, ledger: Ledger) -> Iterator[str]:
    """Checks what must hold between the rows, whatever was asked."""
    yield from (f"foreign key: {row}" for row in state.broken)
    yield from (f"integrity: {row}" for row in state.integrity if row != {"integrity_check": "ok"})
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
    latest = {run["message_id"]: run for run in sorted(runs, key=lambda run: run["started"])}
    for run in runs:
        message = state.messages.get(run["message_id"])
        if message is None or message["conversation_id"] != conversation["id"]:
            yield f"run without its message: {run}"
        elif message["edited_version"] < run["started"]:
            length, is_latest = len(message["content"]), run is latest[message["id"]]
            if run["start_offset"] > run["end_offset"] or run["end_offset"] > length:
                yield f"offsets: {run}, {message}"
            if is_latest and (run["end_offset"], run["status"]) != (length, message["status"]):
                yield f"the latest run and its message disagree: {run}, {message}"


def _requests(state: State, ledger: Ledger) -> Iterator[str]:
    """Checks that what was asked once is stored once, and what was refused is not stored."""
    possible = {token for one in ledger.requests if one.may_have_happened for token in one.tokens}
    texts = [row["content"] for row in state.rows["messages"]]
    texts += [row["title"] for row in state.rows["conversations"]] + [row["name"] for row in state.rows["characters"]]
    for token in {token_of(text) for text in texts} - {None} - possible:
        yield f"stored although its request was refused: {token}"
    for table, name in (("conversations", "title"), ("characters", "name")):
        counts = Counter(filter(None, (token_of(row[name]) for row in state.rows[table])))
        yield from (f"{count} {table} for {token}" for token, count in counts.items() if count > 1)
    homes: dict[str | None, set[str]] = defaultdict(set)
    for row in state.rows["messages"]:
        if not state.conversations[row["conversation_id"]]["forked_from_id"]:
            homes[token_of(row["content"])].add(row["conversation_id"])
    yield from (f"stored in {found}: {token}" for token, found in homes.items() if token and len(found) > 1)
    yield from _conversations(state, ledger)


def _conversations(state: State, ledger: Ledger) -> Iterator[str]:
    """Checks that conversations are there unless somebody deleted them."""
    gone = ledger.by("conversationId", "deleteConversation")
    gone_characters = ledger.by("characterId", "deleteCharacter")
    versions: dict[tuple[str | None, int], Request] = {}
    for request in ledger.of("createConversation", "importConversation", "forkConversation", code="ok"):
        conversation = request.payload["conversation"]
        removed = gone.get(conversation["id"]) or gone_characters.get(conversation["character"]["id"])
        if conversation["id"] not in state.conversations and not removed:
            yield f"lost conversation: {request}"
    for kind, name, rows in (
        ("deleteConversation", "conversationId", state.conversations),
        ("deleteCharacter", "characterId", {row["id"] for row in state.rows["characters"]}),
    ):
        yield from (f"still there: {one}" for one in ledger.of(kind, code="ok") if one.input[name] in rows)
    yield from (f"missed before, but still there: {id}" for id in ledger.missing & state.conversations.keys())
    for request in ledger.of("editMessage", "deleteMessage", "clearHistory", "updateChatHistory", code="ok"):
        if twin := versions.setdefault((request.conversation, request.version), request) is not request:
            yield f"two changes have one history version: {request} and {twin}"
        conversation = state.conversations.get(request.conversation or "")
        if conversation and request.version > conversation["history_version"]:
            yield f"answered with a later version than {conversation['history_version']}: {request}"


def _keys(state: State, ledger: Ledger) -> Iterator[str]:
    """Checks that one key always gave the same ids, as long as what they name was there."""
    found: dict[tuple[object, ...], set[str | None]] = defaultdict(set)
    for request in ledger.requests:
        if request.code == "ok" and (key := request.input.get("idempotencyKey")):
            for part, id in request.created.items():
                found[request.kind, request.conversation, key, part].add(id)
    there = state.messages.keys() | state.conversations.keys()
    for key, ids in found.items():
        if len(ids - {None}) > 1 or (None in ids and ids & there):
            yield f"the key {key} gave {ids}"


def _messages(state: State, ledger: Ledger) -> Iterator[str]:
    """Checks that what was seen is there, with the text that was seen, unless somebody deleted or edited it."""
    deletions, clears = ledger.by("messageId", "deleteMessage"), ledger.by("conversationId", "clearHistory")
    deleted = {id for requests in deletions.values() for one in requests for id in one.payload.get("deletedMessageIds", ())}
    edits = ledger.by("messageId", "editMessage")
    yield from (f"deleted, but still there: {id}" for id in deleted & state.messages.keys())
    for id, seen in ledger.seen.items():
        cleared = clears[seen.conversation] if seen.conversation in clears else []
        if (row := state.messages.get(id)) is None:
            possible = [one for one in cleared if one.ended >= seen.last_began]
            for above in ledger.lineage(id):
                possible += [one for one in deletions.get(above, ()) if one.code != "ok" and one.ended >= seen.last_began]
            is_known = UNKNOWN not in ledger.lineage(id) or not any(one.code != "ok" for some in deletions.values() for one in some)
            if not possible and id not in deleted and is_known and seen.conversation in state.conversations:
                yield f"lost message {id}: {seen}"
        elif late := [one for one in cleared if one.code == "ok" and one.began > seen.first_ended]:
            yield f"cleared by {late[0]}, but still there: {row}"
        elif id not in edits and not row["content"].startswith(seen.text):
            yield f"{id} had {seen.text!r}, and has {row['content']!r}"
    for request in ledger.of("sendMessage", "addAlternative", code="ok"):
        row = state.messages.get(request.created["message"] or "")
        if row and row["id"] not in edits and token_of(row["content"]) != token_of(request.input["content"]):
            yield f"not what was sent by {request}: {row}"


def _edits(state: State, ledger: Ledger) -> Iterator[str]:
    """Checks that a message has the text of its latest edit, or of one whose answer nobody got."""
    for id, requests in ledger.by("messageId", "editMessage").items():
        answered = [one for one in requests if one.code == "ok"]
        if answered and (row := state.messages.get(id)):
            latest = max(answered, key=lambda one: one.version)
            possible = [latest, *(one for one in requests if one.code != "ok")]
            if token_of(row["content"]) not in [token for one in possible for token in one.tokens]:
                yield f"lost edit {latest}: {row}"


def _watchers(state: State, ledger: Ledger) -> Iterator[str]:
    for watcher in ledger.watchers:
        if watcher.conversation in state.conversations:
            name = f"A watcher of {watcher.conversation} since {watcher.since}, now at {watcher.at},"
            yield from (f"{name} {found}" for found in _watcher(state, watcher))


def _watcher(state: State, watcher: Watcher) -> Iterator[str]:
    runs = {run["started"]: run for run in state.runs[watcher.conversation]}
    for started, count in watcher.finals.items():
        if count > 1:
            yield f"got {count} final events of run {started}"
    for started, id, folded, shown in watcher.ends:
        run, message = runs.get(started), state.messages.get(id)
        if run and message and message["edited_version"] < started:
            if folded != message["content"][: run["end_offset"]] or shown not in (None, folded):
                yield f"folded {folded!r}, was shown {shown!r}; stored is {message}, {run}"
    yield from missed(state, watcher)


def missed(state: State, watcher: Watcher) -> Iterator[str]:
    """Yields what a watcher that misses nothing has not got yet."""
    if watcher.since is None or watcher.conversation not in state.conversations:
        return
    for run in state.runs[watcher.conversation]:
        if (run["ended"] is None or run["ended"] > watcher.since) and run["started"] not in watcher.finals:
            yield f"got no final event of {run}"
    for id, text in watcher.texts.items():
        if id in state.messages and state.messages[id]["content"] != text:
            yield f"has {text!r}, stored is {state.messages[id]}"


def log_violations(log: str) -> Iterator[str]:
    """Yields what a server logged that nobody foresaw."""
    records: list[list[str]] = [[]]
    for line in log.splitlines():
        if _RECORD.match(line):
            records.append([])
        records[-1].append(line)
    for record in records[1:]:
        if not _is_foreseen("\n".join(record)):
            yield "logged: " + "\n".join(record)
    yield from (f"on stderr: {line}" for line in records[0])


def _is_foreseen(record: str) -> bool:
    head = _RECORD.match(record)
    assert head is not None
    if "Traceback (most recent call last)" in record:
        return bool(_FORESEEN.match(head["message"]) and _LOCKED.search(record))
    return head["level"] in ("DEBUG", "INFO", "WARNING") or head["message"].startswith("The ends of ")


def api_violations(state: State, conversation: Row) -> Iterator[str]:
    """Compares a conversation of the API, with its whole `chatHistory`, to the rows."""
    row, path = state.conversations[conversation["id"]], state.path(conversation["id"])
    if (conversation["messageCount"], conversation["historyVersion"]) != (row["message_count"], row["history_version"]):
        yield f"the API's {conversation} is stored as {row}"
    if conversation["activeReply"] is not None:
        yield f"an active reply: {conversation['activeReply']}"
    shown = [one for one in path if one["content"] or one["status"] == "COMPLETED"]
    for element, one in zip_longest(conversation["chatHistory"], shown):
        stored = one and {"role": one["role"].lower(), "content": one["content"], **json.loads(one["metadata"] or "{}")}
        if element != stored:
            yield f"the API's {element} is stored as {one}"
