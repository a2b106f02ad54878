// Finds what is spoken in a paragraph: texts in quotation marks, also where they hold other marks.
const PAIRS: Readonly<Record<string, string>> = { "“": "”", "„": "“”", "«": "»", "»": "«", "「": "」", "『": "』", '"': '"' };
const MARKS = /["“”„«»「」『』]/;

/** A part of a paragraph: text, or something whose inside is not looked at. */
export type Piece<Inner> = string | { readonly inner: Inner };
export type Spoken<Inner> = { readonly isSpeech: boolean; readonly pieces: readonly Piece<Inner>[] };

/** Groups the pieces into what is spoken and what is not. A mark that is never closed begins no speech. */
export function spoken<Inner>(pieces: readonly Piece<Inner>[]): Spoken<Inner>[] {
  const groups: { isSpeech: boolean; pieces: Piece<Inner>[] }[] = [];
  const parts = pieces.flatMap((piece): Piece<Inner>[] => (typeof piece === "string" ? piece.split(new RegExp(`(${MARKS.source})`)) : [piece])).filter((part) => part !== "");
  const add = (isSpeech: boolean, some: readonly Piece<Inner>[]) => {
    const last = groups.at(-1);
    if (last && !last.isSpeech && !isSpeech) last.pieces.push(...some);
    else groups.push({ isSpeech, pieces: [...some] });
  };
  for (let at = 0; at < parts.length; at += 1) {
    const closing = typeof parts[at] === "string" ? PAIRS[parts[at] as string] : undefined;
    const end = closing ? parts.findIndex((part, place) => place > at + 1 && typeof part === "string" && closing.includes(part)) : -1;
    if (end < 0) add(false, [parts[at] as Piece<Inner>]);
    else {
      add(true, joined(parts.slice(at, end + 1)));
      at = end;
    }
  }
  return groups.map((group) => ({ ...group, pieces: joined(group.pieces) }));
}

function joined<Inner>(pieces: readonly Piece<Inner>[]): Piece<Inner>[] {
  const result: Piece<Inner>[] = [];
  for (const piece of pieces) {
    const last = result.at(-1);
    if (typeof piece === "string" && typeof last === "string") result[result.length - 1] = last + piece;
    else result.push(piece);
  }
  return result;
}
