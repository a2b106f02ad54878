// Texts that are being written, by where: a conversation, or a message that is edited.
import * as kept from "./kept";

const MOST = 100;

interface Draft {
  text: string;
  at: number;
}

const all = () => kept.read<Record<string, Draft>>("drafts", {});

export const draftOf = (place: string): string => all()[place]?.text ?? "";

export function keepDraft(place: string, text: string): void {
  const { [place]: _, ...others } = all();
  const drafts = Object.entries(text ? { ...others, [place]: { text, at: Date.now() } } : others);
  kept.write("drafts", Object.fromEntries(drafts.sort(([, a], [, b]) => b.at - a.at).slice(0, MOST)));
}
