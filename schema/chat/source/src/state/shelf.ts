// The list of conversations, by last use, kept up to date by the server.
import { batch, computed, effect, signal } from "@preact/signals";
import type { ResultOf } from "gql.tada";
import { Failure, ask, online, watch } from "../api/link";
import * as operations from "../api/operations";

export type Head = ResultOf<typeof operations.Head>;
type Page = ResultOf<typeof operations.Heads>;
export type Server = ResultOf<typeof operations.Start>["serverInfo"];

export const heads = signal<readonly Head[]>([]);
export const shelfState = signal<"loading" | "ready" | "failed">("loading");
export const shelfProblem = signal("");
export const server = signal<Server | null>(null);
/** The server has been updated since this page was loaded. */
export const isOutdated = signal(false);
const end = signal<string | null>(null);
export const hasMore = computed(() => end.value !== null);

const byUse = (list: Iterable<Head>) =>
  [...list].sort((a, b) => (a.activeAt < b.activeAt ? 1 : a.activeAt > b.activeAt ? -1 : a.id < b.id ? 1 : -1));

const isNewer = (one: Head, other: Head | undefined) =>
  !other || one.historyVersion > other.historyVersion || one.version > other.version ||
  (one.historyVersion === other.historyVersion && one.version === other.version);

/** Puts a conversation where it belongs, unless a newer state of it is known. */
export function putHead(head: Head): void {
  const known = heads.peek().find(({ id }) => id === head.id);
  if (isNewer(head, known)) heads.value = byUse([...heads.peek().filter(({ id }) => id !== head.id), head]);
}

export function dropHead(id: string): void {
  heads.value = heads.peek().filter((head) => head.id !== id);
}

function takePage(page: Page, info: Server): void {
  batch(() => {
    if (server.peek() && server.peek()!.version !== info.version) isOutdated.value = true;
    server.value = info;
    heads.value = byUse(page.edges.map(({ node }) => node));
    end.value = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
    shelfState.value = "ready";
  });
}

export async function loadShelf(): Promise<void> {
  try {
    const { conversationsConnection, serverInfo } = await ask(operations.Shelf, { after: null, search: null });
    takePage(conversationsConnection, serverInfo);
  } catch (error) {
    failed(error);
  }
}

/** Loads the list and the conversation that was used last in one request, and returns the latter. */
export async function start() {
  try {
    const { latest, conversationsConnection, serverInfo } = await ask(operations.Start, {});
    takePage(conversationsConnection, serverInfo);
    return latest[0] ?? null;
  } catch (error) {
    failed(error);
    return null;
  }
}

function failed(error: unknown): void {
  // A list that is there is better than none; the banner says that the server is away.
  if (shelfState.peek() === "ready") return;
  shelfProblem.value = (error as Error).message;
  shelfState.value = "failed";
}

export async function loadMore(): Promise<void> {
  const after = end.peek();
  if (after === null) return;
  const { conversationsConnection: page } = await ask(operations.Shelf, { after, search: null });
  batch(() => {
    const known = new Set(heads.peek().map(({ id }) => id));
    heads.value = byUse([...heads.peek(), ...page.edges.map(({ node }) => node).filter(({ id }) => !known.has(id))]);
    end.value = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
  });
}

/** Follows the changes of all conversations. What was missed during a cut is fetched with the whole list. */
export function watchShelf(): void {
  watch(operations.ShelfChanged, {}, ({ conversationsChanged: change }) => {
    if (change.deletedConversationId) dropHead(change.deletedConversationId);
    if (change.conversation) putHead(change.conversation);
  }, (code) => console.warn(new Failure("The list of conversations is not kept up to date.", code)));
  let wasLost = false;
  effect(() => {
    if (online.value === "lost") wasLost = true;
    if (online.value === "live" && (wasLost || shelfState.peek() === "failed")) {
      wasLost = false;
      void loadShelf();
    }
  });
}
