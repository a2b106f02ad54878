// Words for what the server says in values.
import type { Head } from "./state/shelf";

type Titled = Pick<Head, "title" | "titleSource" | "firstUserMessage"> & { character: { name: string } };

/** A conversation's title; what was said first until it has one. */
export const titleOf = (head: Titled): string =>
  head.titleSource !== "DEFAULT" ? head.title : head.firstUserMessage?.excerpt || `New conversation with ${head.character.name}`;

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString()} ${count === 1 ? one : many}`;

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [["minute", 60], ["hour", 3600], ["day", 86400]];

export function ago(moment: string, now = Date.now()): string {
  const seconds = (now - Date.parse(moment)) / 1000;
  if (seconds < 60) return "now";
  if (seconds > 6 * 86400) return new Date(moment).toLocaleDateString(undefined, { day: "numeric", month: "short" });
  const [unit, size] = STEPS.findLast(([, size]) => seconds >= size)!;
  return relative.format(-Math.round(seconds / size), unit);
}

export const clock = (moment: string): string =>
  new Date(moment).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

/** Two letters at most. */
export const initials = (name: string): string => {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0]!, words.at(-1)!] : words;
  return letters.map((word) => [...word][0]?.toUpperCase() ?? "").join("");
};

/** A hue that stays the same for an id. */
export function hueOf(id: string): number {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + letter.charCodeAt(0)) >>> 0;
  return sum % 360;
}
