// The three rules that make the stored text out of any stream of events.
export type TextEvent =
  | { readonly __typename: "ReplyStarted" | "ReplySnapshot"; readonly content: string }
  | { readonly __typename: "ReplyDelta"; readonly offset: number; readonly delta: string };

/** Returns the text after the event; null when the event belongs to a text whose beginning is not known. */
export function fold(text: string | null, event: TextEvent): string | null {
  if (event.__typename !== "ReplyDelta") return event.content;
  if (event.offset === 0) return event.delta;
  if (text === null || text.length < event.offset) return null;
  return text.slice(0, event.offset) + event.delta;
}
