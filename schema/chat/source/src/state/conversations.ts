// What is done with a conversation as a whole.
import { ask, newKey } from "../api/link";
import * as operations from "../api/operations";
import { go, to } from "../route";
import { draftOf, keepDraft } from "./drafts";
import { markSeen } from "./seen";
import { type Head, dropHead, putHead } from "./shelf";
import type { Thread } from "./thread";

const enter = (head: Head) => {
  putHead(head);
  markSeen(head.id, head.historyVersion);
  go(to.conversation(head.id));
};

/** Begins a conversation with a character and goes there. Returns why not, if the server refuses. */
export async function begin(character: string): Promise<string | null> {
  const { createConversation } = await ask(operations.Create, { character, key: newKey() });
  if (createConversation?.conversation) enter(createConversation.conversation);
  return createConversation?.userErrors[0]?.message ?? null;
}

/** Copies the conversation, up to a message or whole, and goes to the copy. */
export async function fork(thread: Thread, upTo: string | null): Promise<void> {
  await tell(thread, async () => {
    const { forkConversation } = await ask(operations.Fork, { id: thread.id, upTo, key: newKey() });
    if (forkConversation?.conversation) enter(forkConversation.conversation);
    return forkConversation?.userErrors[0]?.message;
  });
}

export async function clearConversation(thread: Thread): Promise<void> {
  await tell(thread, async () => {
    const { clearHistory } = await ask(operations.Clear, { id: thread.id });
    if (clearHistory?.conversation) await thread.open();
    return clearHistory?.userErrors[0]?.message;
  });
}

/** Returns whether it is gone. */
export async function deleteConversation(thread: Thread): Promise<boolean> {
  return tell(thread, async () => {
    const { deleteConversation: payload } = await ask(operations.DeleteConversation, { id: thread.id });
    const [error] = payload?.userErrors ?? [];
    if (error && error.code !== "NOT_FOUND") return error.message;
    thread.close();
    dropHead(thread.id);
    if (draftOf(thread.id)) keepDraft(thread.id, "");
    return undefined;
  });
}

async function tell(thread: Thread, act: () => Promise<string | undefined>): Promise<boolean> {
  const problem = await act().catch((error: Error) => error.message);
  if (problem) thread.say(problem);
  return !problem;
}
