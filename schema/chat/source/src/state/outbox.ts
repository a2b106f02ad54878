// Messages that the server has not confirmed. Each is sent with one key until it has, so it arrives exactly once.
import { signal } from "@preact/signals";
import type { ResultOf } from "gql.tada";
import { Unreachable, ask, newKey } from "../api/link";
import * as operations from "../api/operations";
import { draftOf, keepDraft } from "./drafts";
import * as kept from "./kept";

export interface Entry {
  readonly key: string;
  readonly conversation: string;
  readonly content: string;
  readonly at: number;
}
export type Sent = NonNullable<ResultOf<typeof operations.Send>["sendMessage"]>;

// The server knows a key for 48 hours; an older message is written again by whoever still means it.
const LONGEST = 24 * 3600 * 1000;
export const entries = signal<readonly Entry[]>(kept.read<Entry[]>("outbox", []));
kept.whenWritten("outbox", () => (entries.value = kept.read<Entry[]>("outbox", [])));

/** Whether what is written offline survives a closed tab. */
export const isSafe = signal(true);

export const waitingIn = (conversation: string) =>
  entries.value.filter((entry) => entry.conversation === conversation);

function keep(list: readonly Entry[]): void {
  entries.value = list;
  isSafe.value = kept.write("outbox", list);
}

export function put(conversation: string, content: string): Entry {
  const entry = { key: newKey(), conversation, content, at: Date.now() };
  keep([...entries.peek(), entry]);
  return entry;
}

export const remove = (key: string) => keep(entries.peek().filter((entry) => entry.key !== key));

/** Gives a text back to whoever wrote it, in front of what stands there. */
export function giveBack(entry: Entry): void {
  remove(entry.key);
  const newer = draftOf(entry.conversation);
  keepDraft(entry.conversation, newer ? `${entry.content}\n\n${newer}` : entry.content);
}

export const clearDraft = (conversation: string) => keepDraft(conversation, "");

export const isStale = (entry: Entry) => Date.now() - entry.at > LONGEST;

/** Sends an entry. Returns null when the server was not reached, and then keeps it. */
export async function deliver(entry: Entry, ifBusy: "REJECT" | "STOP" = "REJECT"): Promise<Sent | null> {
  const { conversation: id, content, key } = entry;
  try {
    const { sendMessage } = await ask(operations.Send, { id, content, key, ifBusy });
    if (!sendMessage) return null;
    if (!sendMessage.userErrors.length) remove(key);
    return sendMessage;
  } catch (error) {
    if (error instanceof Unreachable) return null;
    throw error;
  }
}
