// What a screen reader is told: short states, then a reply once as a whole.
import { signal } from "@preact/signals";

export const announcement = signal("");

/** Says a text, also when the same text was said last. */
export function announce(text: string): void {
  announcement.value = announcement.peek() === text ? `${text}\u00a0` : text;
}
