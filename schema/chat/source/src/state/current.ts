// The conversation that is open, and what is done in it at this moment.
import { effect, signal, untracked } from "@preact/signals";
import { online } from "../api/link";
import { flush } from "./acts";
import * as outbox from "./outbox";
import { heads } from "./shelf";
import { Thread } from "./thread";

export const current = signal<Thread | null>(null);
/** The key of the line whose text is being changed. */
export const editing = signal<string | null>(null);

/** Opens a conversation, or goes to another message of the open one. */
export function openThread(id: string, message: string | null, loaded?: Parameters<Thread["open"]>[1]): void {
  const open = current.peek();
  if (open?.id === id) {
    const line = message ? open.lineOf(message) : undefined;
    if (line) open.target.value = { kind: "show", key: line.key };
    else if (message) void open.open(message);
    return;
  }
  leaveThread();
  const thread = new Thread(id);
  current.value = thread;
  void thread.open(message, loaded ?? null);
}

export function leaveThread(): void {
  current.peek()?.close();
  current.value = null;
  editing.value = null;
}

/** Sends what waits whenever the server is there and no reply is being written. */
export function keepSending(): void {
  effect(() => {
    if (online.value !== "live") return;
    const thread = current.value;
    if (thread?.state.value === "ready" && !thread.writing.value) untracked(() => void flush(thread));
  });
  effect(() => {
    if (online.value === "live") untracked(() => void flushOthers());
  });
}

/** Sends what was written in conversations that are not open. What is refused waits there. */
async function flushOthers(): Promise<void> {
  const busy = new Set<string>(heads.peek().filter(({ activeReply }) => activeReply).map(({ id }) => id));
  for (const entry of outbox.entries.peek()) {
    if (entry.conversation === current.peek()?.id || busy.has(entry.conversation)) continue;
    if (outbox.isStale(entry)) outbox.giveBack(entry);
    else await outbox.deliver(entry).catch(() => outbox.giveBack(entry));
    busy.add(entry.conversation);
  }
}
