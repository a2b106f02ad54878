"""What must hold between the rows that a soak leaves and what its clients were told, and what may be logged."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.support.soaking.ledger import UNKNOWN, Ledger, Request, SeenMessage, Watcher, token_of
from tests.support.soaking.rows import State, row_violations

_RECORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (?P<level>\w+) (?P<name>[\w.]+): (?P<message>.*)")
# Logged with a traceback, when the database was locked for too long.
_FORESEEN = re.compile("The end of a reply could not be stored|A checkpoint failed|Housekeeping failed")
# The warning of a field that had not begun when its query was cancelled is ignored. Python cannot even make it,
# and says so, where its coroutine is collected in the middle of code without builtins, such as a named tuple's.
_NEVER_AWAITED = re.compile(
    r"^Exception ignored in: <coroutine object (Executor|GraphQLCoreConverter)\..*\n"
    r"Traceback .*\n( .*\n)*KeyError: '__import__'\n",
    re.MULTILINE,
)
_LOCKED = re.compile(r"^models\.database\.Unavailable|database is locked", re.MULTILINE)


def violations(state: State, ledger: Ledger) -> list[str]:
    found = [*ledger.violations, *row_violations(state)]
    for check in (_requests, _conversations, _versions, _keys, _messages, _edits, _watchers):
        found += check(state, ledger)
    return found


def _requests(state: State, ledger: Ledger) -> Iterator[str]:
    """Checks that what was asked once is stored once, and what was refused or not wanted is not stored."""
    possible = {token for one in ledger.requests if one.may_have_happened for token in one.tokens}
    texts = [row["content"] for row in state.rows["messages"]]
    texts += [row["title"] for row in state.rows["conversations"]] + [
        row["name"] for row in state.rows["characters"]
    ]
    for token in {token_of(text) for text in texts} - {None} - possible:
        yield f"stored although its request was refused: {token}"
    for one in ledger.requests:
        if one.input.get("replyMode") == "NONE" and one.payload.get("reply"):
            yield f"a reply although none was wanted: {one}"
    for table, name in (("conversations", "title"), ("characters", "name")):
        counts = Counter(filter(None, (token_of(row[name]) for row in state.rows[table])))
        yield from (f"{count} {table} for {token}" for token, count in counts.items() if count > 1)
    homes: dict[str | None, set[str]] = defaultdict(set)
    for row in state.rows["messages"]:
        if not state.conversations[row["conversation_id"]]["forked_from_id"]:
            homes[token_of(row["content"])].add(row["conversation_id"])
    yield from (f"stored in {found}: {token}" for token, found in homes.items() if token and len(found) > 1)


def _conversations(state: State, ledger: Ledger) -> Iterator[str]:
    """Checks that conversations are there unless somebody deleted them."""
    gone = ledger.by("conversationId", "deleteConversation")
    gone_characters = ledger.by("characterId", "deleteCharacter")
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


def _versions(state: State, ledger: Ledger) -> Iterator[str]:
    """Checks that each change had a history version of its own, which was not lost again."""
    found: dict[tuple[str | None, int], Request] = {}
    for request in ledger.of("editMessage", "deleteMessage", "clearHistory", "updateChatHistory", code="ok"):
        twin = found.setdefault((request.conversation, request.version), request)
        if twin is not request:
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
    removals, edits = defaultdict(list), ledger.by("messageId", "editMessage")
    for request in ledger.of("deleteMessage", "clearHistory"):
        if request.may_have_happened:
            removals[request.conversation].append(request)
        deleted = request.payload.get("deletedMessageIds", ())
        yield from (f"deleted, but still there: {id}" for id in deleted if id in state.messages)
    for id, seen in ledger.seen.items():
        requests, row = removals[seen.conversation], state.messages.get(id)
        if seen.conversation not in state.conversations:
            continue
        if row is None:
            if not _may_be_gone(ledger, requests, id, seen):
                yield f"lost message {id}: {seen}"
        elif id not in edits and not row["content"].startswith(seen.text):
            yield f"{id} had {seen.text!r}, and has {row['content']!r}"
        for one in requests if row else ():
            if one.kind == "clearHistory" and one.code == "ok" and one.began > seen.first_ended:
                yield f"cleared by {one}, but still there: {row}"
    for request in ledger.of("sendMessage", "addAlternative", code="ok"):
        row = state.messages.get(request.created["message"] or "")
        if row and row["id"] not in edits and token_of(row["content"]) not in request.tokens:
            yield f"not what was sent by {request}: {row}"


def _may_be_gone(ledger: Ledger, requests: list[Request], id: str, seen: SeenMessage) -> bool:
    """Returns whether one of the requests may have deleted the message after it was seen."""
    line = set(ledger.lineage(id))
    for one in requests:
        if one.ended >= seen.last_began:
            if one.kind == "clearHistory" or id in one.payload.get("deletedMessageIds", ()):
                return True
            if one.code != "ok" and line & {one.input["messageId"], UNKNOWN}:
                return True
    return False


def _edits(state: State, ledger: Ledger) -> Iterator[str]:
    """Checks that a message has the text of its latest edit, or of one whose answer nobody got."""
    for id, requests in ledger.by("messageId", "editMessage").items():
        answered = [one for one in requests if one.code == "ok"]
        if answered and (row := state.messages.get(id)):
            latest = max(answered, key=lambda one: one.version)
            possible = [latest, *(one for one in requests if one.code != "ok")]
            if token_of(row["content"]) not in [token for one in possible for token in one.tokens]:
                yield f"lost edit {latest} of {requests}: {row}"


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
    for end in watcher.ends:
        run, message = runs.get(end.run), state.messages.get(end.message_id)
        if run and message and message["edited_version"] < end.run:
            stored = message["content"][: run["end_offset"]]
            if end.folded != stored or end.shown not in (None, stored):
                yield f"took {end}; stored is {message}, {run}"
            may_be_shorter = ("INTERRUPTED", "STOPPED") if state.may_freeze else ("INTERRUPTED",)
            if end.longest > len(stored) and run["status"] not in may_be_shorter:
                yield f"saw more than was kept: {end}; stored is {message}, {run}"
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
    for line in _NEVER_AWAITED.sub("", log).splitlines():
        if _RECORD.match(line):
            records.append([])
        records[-1].append(line)
    for record in filter(None, records):
        if not _is_foreseen(record[0], "\n".join(record)):
            yield "logged: " + "\n".join(record)


def _is_foreseen(first: str, record: str) -> bool:
    head = _RECORD.match(first)
    if head is None:
        return False
    if first != record:
        return bool(_FORESEEN.match(head["message"]) and _LOCKED.search(record))
    return head["level"] in ("DEBUG", "INFO", "WARNING") or head["message"].startswith("The ends of ")
