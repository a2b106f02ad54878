// Which conversations have something that was not seen on this device.
import { computed, signal } from "@preact/signals";
import * as kept from "./kept";
import { heads } from "./shelf";

type Versions = Record<string, number>;
const MOST = 1000;

const versions = signal<Versions | null>(kept.read<Versions | null>("seen", null));
let isNew = versions.peek() === null;
kept.whenWritten("seen", () => (versions.value = kept.read<Versions | null>("seen", null)));

export function markSeen(id: string, version: number): void {
  const known = versions.peek() ?? {};
  if ((known[id] ?? 0) >= version) return;
  const { [id]: _, ...others } = known;
  keep([...Object.entries(others), [id, version]]);
}

/** On the first visit of a device, everything there is counts as seen. */
export function beginSeeing(): void {
  if (!isNew) return;
  isNew = false;
  const all = heads.peek().map((head): [string, number] => [head.id, head.historyVersion]);
  keep(Object.entries({ ...Object.fromEntries(all), ...versions.peek() }));
}

function keep(entries: [string, number][]): void {
  versions.value = Object.fromEntries(entries.slice(-MOST));
  kept.write("seen", versions.peek());
}

export const unread = computed(() => {
  const known = versions.value;
  if (!known || isNew) return new Set<string>();
  return new Set(
    heads.value
      .filter((head) => head.historyVersion > (known[head.id] ?? 0))
      .filter((head) => head.lastMessage?.role === "ASSISTANT" && !head.activeReply && head.messageCount > 1)
      .map((head) => head.id),
  );
});
