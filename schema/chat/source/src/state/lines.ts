// The rows of a thread, and the texts that grow in them.
import { batch, signal } from "@preact/signals";
import { type TextEvent, fold } from "./fold";
import { type Edge, type Line, type Row, isGrowing, lineOf, pendingLine } from "./line";
import type { Entry } from "./outbox";

/** A message and its cursor, where that is known. */
export interface Place {
  readonly node: Row;
  readonly cursor: string | null;
}

/** What shows that a row has changed. */
type LightRow = Pick<Row, "id" | "updatedAt" | "alternativeIndex" | "alternativeCount">;

/** Whether the server has the message of the line. */
export const isStored = (line: Line) => !line.row.peek().id.startsWith("pending:");

export class Lines {
  readonly lines = signal<readonly Line[]>([]);
  readonly hasOlder = signal(false);
  readonly hasNewer = signal(false);

  // Texts of replies that are being written, and what became of those that have ended.
  #live = new Map<string, string>();
  #ended = new Map<string, Row>();
  #dirty = new Set<string>();

  lineOf(id: string): Line | undefined {
    return this.lines.peek().find(({ row }) => row.peek().id === id);
  }

  /** Makes the row the one of the line, unless something newer is known of the same message. */
  place(line: Line, row: Row): void {
    const ended = this.#ended.get(row.id);
    const best = isGrowing(row) && ended && ended.updatedAt >= row.updatedAt ? ended : row;
    const live = this.#live.get(row.id) ?? "";
    if (!isGrowing(best)) this.#dirty.delete(row.id);
    line.row.value = best;
    line.text.value = isGrowing(best) && live.length > best.content.length ? live : best.content;
  }

  /** Puts a message at the end, or finds it there; an older row of the same message goes. */
  append(row: Row, line?: Line): Line {
    const place = line ?? this.lineOf(row.id) ?? lineOf(row, null);
    const isOther = (one: Line) => one === place || (one.key !== place.key && one.row.peek().id !== row.id);
    const rest = this.lines.peek().filter(isOther);
    this.place(place, row);
    this.lines.value = rest.includes(place) ? rest : [...rest.filter(isStored), place, ...rest.filter((one) => !isStored(one))];
    return place;
  }

  /**
   * Puts messages where a line and those below it stand; the first has the element of the line. Returns whether the
   * line was still there.
   */
  protected replaceFrom(line: Line, edges: readonly Place[], hasNewer: boolean): boolean {
    const lines = this.lines.peek();
    const index = lines.indexOf(line);
    if (index < 0) return false;
    const [first, ...others] = edges.map(({ node, cursor }) => this.made(node, cursor));
    const swapped = first && { ...first, key: line.key };
    this.lines.value = [...lines.slice(0, index), ...(swapped ? [swapped] : []), ...others, ...lines.slice(index).filter((one) => !isStored(one))];
    this.hasNewer.value = hasNewer;
    return true;
  }

  show(entry: Entry): Line {
    const known = this.lines.peek().find(({ key }) => key === entry.key);
    if (known) return known;
    const line = pendingLine(entry);
    this.lines.value = [...this.lines.peek(), line];
    return line;
  }

  drop(line: Line): void {
    this.lines.value = this.lines.peek().filter((one) => one !== line);
  }

  /** A reply is expected to go on, so its former end does not count. */
  forgetEnd(id: string): void {
    this.#ended.delete(id);
  }

  /** Takes an event that makes a text longer. Returns whether its message is shown. */
  protected hear(id: string, event: TextEvent): boolean {
    if (event.__typename === "ReplyStarted") this.#ended.delete(id);
    const line = this.lineOf(id);
    const text = fold(this.#live.get(id) ?? line?.text.peek() ?? null, event);
    if (text !== null) this.#live.set(id, text);
    if (line) this.#grow(id);
    return line !== undefined;
  }

  /** Takes the end of a reply. Returns whether its message was shown as one that is being written. */
  protected finish(id: string, row: Row | null): boolean {
    this.#live.delete(id);
    this.#dirty.delete(id);
    const line = this.lineOf(id);
    if (row) this.#ended.set(id, row);
    else if (line) this.drop(line);
    if (!row || !line) return false;
    const wasGrowing = isGrowing(line.row.peek());
    this.place(line, row);
    return wasGrowing;
  }

  /** Takes a text that has been replaced. Returns false if its reply is still being written. */
  protected revise(row: Row | null): boolean {
    if (row && isGrowing(row)) return false;
    const line = row && this.lineOf(row.id);
    if (row) this.#live.delete(row.id);
    if (line && line.row.peek().updatedAt <= row.updatedAt) this.place(line, row);
    return true;
  }

  /** Shows what has come, once for all that comes before the next picture. */
  #grow(id: string): void {
    if (!this.#dirty.size) setTimeout(() => (document.hidden ? this.#paint() : requestAnimationFrame(() => this.#paint())));
    this.#dirty.add(id);
  }

  #paint(): void {
    batch(() => {
      for (const id of this.#dirty) {
        const line = this.lineOf(id);
        const text = this.#live.get(id);
        if (!line || text === undefined) continue;
        line.text.value = text;
        if (line.row.peek().status !== "STREAMING") line.row.value = { ...line.row.peek(), status: "STREAMING", failure: null };
      }
      this.#dirty.clear();
    });
  }

  protected differs(node: LightRow): boolean {
    const row = this.lineOf(node.id)?.row.peek();
    return !row || row.updatedAt < node.updatedAt || row.alternativeCount !== node.alternativeCount || row.alternativeIndex !== node.alternativeIndex;
  }

  protected merged(node: LightRow, cursor: string, row: Row | undefined): Line | null {
    const line = this.lineOf(node.id);
    if (!line) return row ? this.made(row, cursor) : null;
    line.cursor.value = cursor;
    if (row && row.updatedAt >= line.row.peek().updatedAt) this.place(line, row);
    return line;
  }

  protected made(row: Row, cursor: string | null): Line {
    const known = this.lineOf(row.id);
    const line = known ?? lineOf(row, cursor);
    line.cursor.value = cursor;
    if (!known || known.row.peek().updatedAt <= row.updatedAt) this.place(line, row);
    return line;
  }

  protected fresh(edges: readonly Edge[]): Line[] {
    return edges.filter(({ node }) => !this.lineOf(node.id)).map(({ node, cursor }) => this.made(node, cursor));
  }
}
