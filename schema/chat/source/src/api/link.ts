// The way to the server: one fetch for queries and mutations, one WebSocket for all subscriptions.
import { signal } from "@preact/signals";
import type { ResultOf, TadaDocumentNode, VariablesOf } from "gql.tada";
import { CloseCode, createClient } from "graphql-ws";

type Document = TadaDocumentNode<any, any>;

/** Whether the WebSocket is open. `waiting` until it first is. */
export const online = signal<"live" | "waiting" | "lost">("waiting");
/** Whether the server asks who this is. */
export const isShutOut = signal(false);

/** The server did not answer; whether it did what was asked is not known. */
export class Unreachable extends Error {}
/** The server answered that it did not do what was asked. */
export class Failure extends Error {
  constructor(message: string, readonly code?: string) {
    super(message);
  }
}

const PATIENCE = 30_000;
const PING = 10_000;
const PONG = 5_000;
const FOR_EVER = ["NOT_FOUND", "INVALID_CURSOR", "GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT", "DOCUMENT_NOT_TRUSTED"];
const url = new URL("/graphql", location.href);

/** Texts as the server takes them: without NUL and halves of characters. */
const clean = (_: string, value: unknown) =>
  typeof value === "string" ? value.replaceAll("\0", "").toWellFormed() : value;

export async function ask<D extends Document>(document: D, variables: VariablesOf<D>): Promise<ResultOf<D>> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ query: String(document), variables }, clean),
    signal: AbortSignal.timeout(PATIENCE),
  }).catch(() => {
    throw new Unreachable("The server does not answer.");
  });
  if (response.status === 401) isShutOut.value = true;
  const { data, errors } = await response.json().catch(() => {
    throw new Unreachable(`The server answered ${response.status}.`);
  });
  if (!errors) return data;
  const { message, extensions } = errors[0];
  if (extensions?.code === "UNAVAILABLE") throw new Unreachable(message);
  throw new Failure(message, extensions?.code);
}

let wake = () => {};
let silence = 0;

function pause(tries: number): Promise<void> {
  const woken = new Promise<void>((resolve) => (wake = resolve));
  const waited = new Promise<void>((resolve) => setTimeout(resolve, Math.min(250 * 2 ** tries, 10_000)));
  return Promise.race([woken, waited]);
}

const client = createClient({
  url: url.href.replace(/^http/, "ws"),
  keepAlive: PING,
  retryAttempts: Infinity,
  shouldRetry: () => !isShutOut.value,
  retryWait: pause,
  on: {
    connected: () => (online.value = "live"),
    closed(event) {
      clearTimeout(silence);
      if ((event as CloseEvent).code === CloseCode.Forbidden) isShutOut.value = true;
      online.value = "lost";
    },
    // A socket of a sleeping machine stays open for minutes, so a ping without its pong ends it.
    ping: (isReceived) => {
      if (!isReceived) silence = window.setTimeout(() => client.terminate(), PONG);
    },
    pong: () => clearTimeout(silence),
  },
});
addEventListener("online", () => wake());
document.addEventListener("visibilitychange", () => document.hidden || wake());

/**
 * Subscribes until the returned function is called. After a cut the same `variables` are sent again, so whoever
 * follows a cursor moves it in them. `ended` gets the code of an error that no further try can mend.
 */
export function watch<D extends Document>(
  document: D,
  variables: VariablesOf<D>,
  next: (data: ResultOf<D>) => void,
  ended: (code: string) => void,
): () => void {
  let isOver = false;
  let leave = () => {};
  const again = () => isOver || isShutOut.peek() || setTimeout(start, 1000);
  const failed = (problem: unknown) => {
    const code = (problem as { extensions?: { code?: string } }[])?.[0]?.extensions?.code;
    if (code && FOR_EVER.includes(code)) ended(code);
    else again();
  };
  const start = () => {
    if (isOver) return;
    leave = client.subscribe<ResultOf<D>>(
      { query: String(document), variables: variables as Record<string, unknown> },
      {
        next: ({ data, errors }) => (isOver ? undefined : errors ? failed(errors) : data && next(data)),
        error: failed,
        complete: again,
      },
    );
  };
  start();
  return () => {
    isOver = true;
    leave();
  };
}

/** A key of its own for each request. `crypto.randomUUID` is missing where a page comes by plain HTTP from a network. */
export const newKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
