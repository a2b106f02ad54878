// One row of a thread: a message, or one that is on its way to the server.
import { type Signal, signal } from "@preact/signals";
import type { ResultOf } from "gql.tada";
import { newKey } from "../api/link";
import type * as operations from "../api/operations";
import type { Entry } from "./outbox";

export type Row = ResultOf<typeof operations.Row>;
export type Edge = ResultOf<typeof operations.Path>["edges"][number];

export interface Line {
  /** Stays when the message gets its id, or when another version takes its place, so the element stays too. */
  readonly key: string;
  readonly row: Signal<Row>;
  /** The text that is shown; it grows faster than the row. */
  readonly text: Signal<string>;
  readonly cursor: Signal<string | null>;
  /** Null when the server has it. */
  readonly sending: Signal<"sending" | "waiting" | null>;
  /** Another version that is only looked at, while the server writes and cannot switch. */
  readonly glance: Signal<Row | null>;
}

export const isGrowing = (row: Row) => row.status === "PENDING" || row.status === "STREAMING";

export function lineOf(row: Row, cursor: string | null, key = newKey()): Line {
  return {
    key,
    row: signal(row),
    text: signal(row.content),
    cursor: signal(cursor),
    sending: signal(null),
    glance: signal(null),
  };
}

export function pendingLine(entry: Entry): Line {
  const now = new Date(entry.at).toISOString();
  const line = lineOf({
    id: `pending:${entry.key}`, position: -1, role: "USER", content: entry.content, status: "COMPLETED",
    createdAt: now, updatedAt: now, editedAt: null, model: null, finishReason: null, speaker: null,
    alternativeIndex: 0, alternativeCount: 1, failure: null,
  }, null, entry.key);
  line.sending.value = "sending";
  return line;
}
