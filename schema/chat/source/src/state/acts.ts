// What a person does in a conversation.
import { Unreachable, ask, newKey, online } from "../api/link";
import * as operations from "../api/operations";
import { type Line, isGrowing } from "./line";
import * as outbox from "./outbox";
import { isStored } from "./lines";
import type { Thread, UserError } from "./thread";

type Edited = "saved" | "kept";

/** Sends a message; the row is there at once, and the text is kept until the server has it. */
export async function send(thread: Thread, content: string, ifBusy: "REJECT" | "STOP" = "REJECT"): Promise<void> {
  thread.note.value = null;
  const entry = outbox.put(thread.id, content);
  if (thread.hasNewer.peek()) await thread.open();
  const line = thread.show(entry);
  thread.target.value = { kind: "follow", key: line.key };
  await deliver(thread, entry, ifBusy);
}

async function deliver(thread: Thread, entry: outbox.Entry, ifBusy: "REJECT" | "STOP", isPatient = false): Promise<boolean> {
  const line = thread.show(entry);
  line.sending.value = "sending";
  try {
    const sent = await thread.act(2, () => outbox.deliver(entry, ifBusy), ({ message, reply }) => {
      line.sending.value = null;
      if (message) thread.append(message, line);
      if (reply) thread.append(reply);
      thread.target.value = { kind: "follow", key: line.key };
    });
    if (!sent) line.sending.value = "waiting";
    const [error] = sent?.userErrors ?? [];
    if (error && isPatient && error.code === "REPLY_IN_PROGRESS") line.sending.value = "waiting";
    else if (error) takeBack(thread, entry, error.message, error);
    return sent !== null && !error;
  } catch (error) {
    takeBack(thread, entry, (error as Error).message);
    return false;
  }
}

function takeBack(thread: Thread, entry: outbox.Entry, reason: string, error?: UserError): void {
  cancel(thread, entry.key);
  const stopAndSend = { label: "Stop and send", run: () => stopThenSend(thread, entry.content) };
  if (error?.code === "REPLY_IN_PROGRESS") {
    thread.say(`${nameOf(thread)} is still writing. Your message is in the box again.`, [stopAndSend]);
  } else thread.say(`Your message was not sent. ${reason}`);
}

function stopThenSend(thread: Thread, content: string): void {
  outbox.clearDraft(thread.id);
  thread.returned.value += 1;
  void send(thread, content, "STOP");
}

/** Takes a message that waits back into the draft. */
export function cancel(thread: Thread, key: string): void {
  const entry = outbox.entries.peek().find((one) => one.key === key);
  if (entry) outbox.giveBack(entry);
  const line = thread.lines.peek().find((one) => one.key === key);
  if (line && !isStored(line)) thread.drop(line);
  thread.returned.value += 1;
}

/** Sends what has waited, in its order, one after the other. */
export async function flush(thread: Thread): Promise<void> {
  const gone = thread.lines.peek().filter((line) => line.sending.peek() === "waiting");
  for (const line of gone) if (!outbox.entries.peek().some(({ key }) => key === line.key)) thread.drop(line);
  for (const entry of outbox.waitingIn(thread.id)) {
    if (online.peek() !== "live" || thread.writing.peek() || thread.state.peek() !== "ready") return;
    const line = thread.lines.peek().find(({ key }) => key === entry.key);
    if (line?.sending.peek() === "sending") return;
    if (outbox.isStale(entry)) {
      cancel(thread, entry.key);
      const day = new Date(entry.at).toLocaleString();
      thread.say(`This was written on ${day} and never sent. Send it if you still mean it.`);
    } else if (!(await deliver(thread, entry, "REJECT", true))) return;
  }
}

export async function stop(thread: Thread): Promise<void> {
  const message = thread.writing.peek();
  if (!message) return;
  await attempt(thread, () =>
    thread.act(1, async () => (await ask(operations.Stop, { id: thread.id, message })).stopReply, ({ reply }) => {
      if (reply) thread.renew(reply);
    }),
  );
}

/** Shows the version before or after; past the last one the character writes another. */
export async function swipe(thread: Thread, line: Line, by: 1 | -1): Promise<void> {
  const row = line.glance.peek() ?? line.row.peek();
  const index = row.alternativeIndex + by;
  if (index < 0) return;
  if (index >= row.alternativeCount) {
    if (canAskAgain(thread, line)) await again(thread, line);
    return;
  }
  await attempt(thread, async () => {
    const { message } = await ask(operations.Versions, { id: line.row.peek().id });
    const other = message?.alternatives[index];
    if (!other) return;
    if (thread.writing.peek()) await glance(line, other.id);
    else await select(thread, line, other.id);
  });
}

/** Whether past the last version another can be written: of replies only, not of greetings. */
export function canAskAgain(thread: Thread, line: Line): boolean {
  const lines = thread.lines.value;
  const isFirst = lines[0] === line && !thread.hasOlder.value;
  return line.row.value.role === "ASSISTANT" && !isFirst && !thread.writing.value && isStored(line);
}

async function glance(line: Line, id: string): Promise<void> {
  const { nodes: [row] } = await ask(operations.Rows, { ids: [id] });
  if (row?.__typename === "Message") line.glance.value = row.id === line.row.peek().id ? null : row;
}

async function select(thread: Thread, line: Line, id: string): Promise<void> {
  line.glance.value = null;
  if (thread.lines.peek()[0] === line) await thread.older();
  const index = thread.lines.peek().indexOf(line);
  const above = thread.lines.peek()[index - 1];
  const parentCursor = above ? await thread.cursorOf(above) : null;
  const change = async () => (await ask(operations.Select, { message: id, parentCursor })).selectAlternative;
  await thread.act(1, change, ({ conversation }) => {
    const path = conversation?.messagesConnection;
    if (path) thread.swap(line, path.edges, path.pageInfo.hasNextPage);
  });
}

/** Lets the character write another version of a reply. */
export async function again(thread: Thread, line: Line): Promise<void> {
  const key = newKey();
  await attempt(thread, () =>
    thread.act(1, async () => (await ask(operations.Again, { message: line.row.peek().id, key })).regenerateReply, ({ reply }) => {
      if (!reply) return;
      thread.swap(line, [{ node: reply, cursor: line.cursor.peek() }], false);
      thread.target.value = { kind: "follow", key: line.key };
    }),
  );
}

/** Lets the character write on where its reply ends. */
export async function goOn(thread: Thread, line: Line): Promise<void> {
  const key = newKey();
  const message = line.row.peek().id;
  thread.forgetEnd(message);
  await attempt(thread, () =>
    thread.act(1, async () => (await ask(operations.GoOn, { message, key })).continueReply, ({ reply }) => {
      if (reply) thread.renew(reply);
    }),
  );
}

/** Lets the character answer to what stands last. */
export async function answer(thread: Thread): Promise<void> {
  const key = newKey();
  await attempt(thread, () =>
    thread.act(1, async () => (await ask(operations.Answer, { id: thread.id, key })).requestReply, ({ reply }) => {
      if (reply) thread.target.value = { kind: "follow", key: thread.append(reply).key };
    }),
  );
}

/** Stores a text as another version: of a message of the user, with a reply to it. */
export async function branch(thread: Thread, line: Line, content: string): Promise<Edited> {
  const isOwn = line.row.peek().role === "USER";
  const variables = { message: line.row.peek().id, content, mode: isOwn ? "BACKGROUND" : "NONE", key: newKey() } as const;
  const done = await attempt(thread, () =>
    thread.act(isOwn ? 2 : 1, async () => (await ask(operations.AddVersion, variables)).addAlternative, ({ message, reply }) => {
      if (!message) return;
      const edges = [message, reply].filter((row) => row !== null).map((node) => ({ node, cursor: null }));
      thread.swap(line, edges, false);
      thread.target.value = { kind: "follow", key: line.key };
    }),
  );
  return done ? "saved" : "kept";
}

/** Changes the text of a message. `before` is the text that the change is based on, at the history version `expected`. */
export async function edit(
  thread: Thread, line: Line, before: string, content: string, expected = thread.head.peek()?.historyVersion ?? null,
): Promise<Edited> {
  const message = line.row.peek().id;
  const payload = await attempt(thread, () =>
    thread.act(1, async () => (await ask(operations.Edit, { message, content, expected })).editMessage, (done) => {
      if (done.message) thread.renew(done.message);
    }), (error) => error.code === "VERSION_CONFLICT",
  );
  const [error] = payload?.userErrors ?? [];
  if (error?.code !== "VERSION_CONFLICT") return payload && !error ? "saved" : "kept";
  let edited: Edited = "kept";
  await attempt(thread, async () => {
    edited = await editAnew(thread, line, before, content);
  });
  return edited;
}

/** Edits again if what has changed meanwhile is another message; else shows how this one stands now. */
async function editAnew(thread: Thread, line: Line, before: string, content: string): Promise<Edited> {
  const { message: now } = await ask(operations.Standing, { id: line.row.peek().id });
  if (!now) thread.say("This message was deleted meanwhile. Your text is still here.");
  else if (now.content === before) {
    await thread.compare();
    // The version at which the text was still that one: what comes in from here on is not replaced.
    return edit(thread, line, before, content, now.conversation.historyVersion);
  } else {
    thread.renew(now);
    thread.say("This message was changed meanwhile. Above is how it stands now, below is your text; save again to replace it.");
  }
  return "kept";
}

export async function remove(thread: Thread, line: Line): Promise<void> {
  const message = line.row.peek().id;
  await attempt(thread, () =>
    thread.act(1, async () => (await ask(operations.DeleteMessage, { message })).deleteMessage, () => thread.needSync()),
  );
}

const nameOf = (thread: Thread) => thread.head.peek()?.character.name ?? "The character";

/** Runs an act, and says why if it does not succeed. Returns null then, but for refusals that the caller expects. */
async function attempt<P extends { userErrors: readonly UserError[] } | null | void>(
  thread: Thread, act: () => Promise<P>, isExpected: (error: UserError) => boolean = () => false,
): Promise<P | null> {
  thread.note.value = null;
  try {
    const payload = await act();
    const [error] = payload?.userErrors ?? [];
    if (!error || isExpected(error)) return payload;
    thread.say(error.message);
  } catch (error) {
    const isAway = error instanceof Unreachable;
    thread.say(isAway ? "The server does not answer. Nothing was changed; try again when it is back." : (error as Error).message);
  }
  return null;
}

export const isBusy = (line: Line) => isGrowing(line.row.value);
