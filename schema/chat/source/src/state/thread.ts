// An open conversation: the rows that are shown, the text that grows, and how both keep up with the server.
import { batch, computed, signal } from "@preact/signals";
import type { ResultOf } from "gql.tada";
import { Failure, ask, watch } from "../api/link";
import * as operations from "../api/operations";
import { type TextEvent, fold } from "./fold";
import { type Edge, type Line, type Row, isGrowing, lineOf, pendingLine } from "./line";
import { type Entry, waitingIn } from "./outbox";
import { type Head, putHead } from "./shelf";

export type Opened = ResultOf<typeof operations.Opened>;
type Loaded = NonNullable<ResultOf<typeof operations.Open>["conversation"]>;
type Event = ResultOf<typeof operations.Watch>["replyStream"];
type Payload = { conversation: Head | null; userErrors: readonly UserError[] };
export type UserError = ResultOf<typeof operations.Problem>;

/** What is said at the composer, and what can be done about it. */
export interface Note {
  readonly text: string;
  readonly isError?: boolean;
  readonly actions?: readonly { readonly label: string; readonly run: () => void }[];
}
/** Where the view is to go. */
export type Target = { readonly kind: "tail" } | { readonly kind: "follow" | "show"; readonly key: string };

const MOST_ROWS = 150;
const LIGHT_ROWS = 100;
// A final event and the news of the same change come by two subscriptions; so long the second waits for the first.
const GATHERING = 150;

export class Thread {
  readonly state = signal<"loading" | "ready" | "failed" | "gone">("loading");
  readonly problem = signal("");
  readonly head = signal<Opened | null>(null);
  readonly lines = signal<readonly Line[]>([]);
  readonly hasOlder = signal(false);
  readonly hasNewer = signal(false);
  readonly paging = signal<"older" | "newer" | null>(null);
  readonly note = signal<Note | null>(null);
  readonly target = signal<Target | null>(null);
  /** Grows when a text that was sent comes back into the draft. */
  readonly returned = signal(0);
  /** The id of the reply that is being written. */
  readonly writing = computed(
    () => this.lines.value.find(({ row }) => isGrowing(row.value))?.row.value.id ?? this.head.value?.activeReply?.id,
  );
  /** The message that is being read; null at the end. The view knows. */
  reading: () => string | null = () => null;

  // Texts of replies that are being written, and what became of those that have ended.
  #live = new Map<string, string>();
  #ended = new Map<string, Row>();
  #dirty = new Set<string>();
  // The historyVersion that all changes seen so far add up to, and the one that the server told last.
  #known = 0;
  #latest = 0;
  #acting = 0;
  #syncing = false;
  #mustSync = false;
  #leave: (() => void)[] = [];

  constructor(readonly id: string) {}

  async open(around: string | null = null, loaded: Loaded | null = null): Promise<void> {
    if (this.state.peek() !== "ready") this.state.value = "loading";
    try {
      const conversation = loaded ?? (await this.#load(around));
      if (!conversation) return this.#vanish();
      this.#take(conversation, around);
      this.#subscribe(conversation.streamCursor);
    } catch (error) {
      this.problem.value = (error as Error).message;
      if (this.state.peek() === "ready") this.say(this.problem.peek());
      else this.state.value = "failed";
    }
  }

  close(): void {
    this.#leave.forEach((leave) => leave());
    this.#leave = [];
  }

  say(text: string, actions: Note["actions"] = []): void {
    this.note.value = { text, isError: true, actions: actions ?? [] };
  }

  async older(): Promise<void> {
    const first = this.lines.peek()[0]?.cursor.peek();
    if (!this.hasOlder.peek() || this.paging.peek() || !first) return;
    await this.#page("older", async () => {
      const { conversation } = await ask(operations.Older, { id: this.id, before: first });
      if (!conversation || this.lines.peek()[0]?.cursor.peek() !== first) return;
      const { edges, pageInfo } = conversation.messagesConnection;
      const lines = [...this.#fresh(edges), ...this.lines.peek()];
      this.hasOlder.value = pageInfo.hasPreviousPage;
      if (lines.length > MOST_ROWS) this.hasNewer.value = true;
      this.lines.value = lines.slice(0, MOST_ROWS);
    });
  }

  async newer(): Promise<void> {
    const end = this.lines.peek().at(-1);
    if (!this.hasNewer.peek() || this.paging.peek() || !end) return;
    await this.#page("newer", async () => {
      const last = await this.cursorOf(end);
      if (!last) return;
      const { conversation } = await ask(operations.Newer, { id: this.id, after: last });
      if (!conversation || this.lines.peek().at(-1)?.cursor.peek() !== last) return;
      const { edges, pageInfo } = conversation.messagesConnection;
      const lines = [...this.lines.peek(), ...this.#fresh(edges)];
      this.hasNewer.value = pageInfo.hasNextPage;
      if (lines.length > MOST_ROWS) this.hasOlder.value = true;
      this.lines.value = lines.slice(-MOST_ROWS);
    });
  }

  async toEnd(): Promise<void> {
    if (this.hasNewer.peek()) await this.open();
    else this.target.value = { kind: "tail" };
  }

  lineOf(id: string): Line | undefined {
    return this.lines.peek().find(({ row }) => row.peek().id === id);
  }

  /**
   * Asks for a change, and applies it when the server has made it. `steps`: by how much that raises historyVersion,
   * so that a change that somebody else made in between shows.
   */
  async act<P extends Payload>(steps: number, change: () => Promise<P | null>, apply: (payload: P) => void): Promise<P | null> {
    this.#acting += 1;
    try {
      const payload = await change();
      if (payload && !payload.userErrors.length) {
        batch(() => {
          apply(payload);
          this.#account(payload.conversation, steps);
        });
      }
      return payload;
    } finally {
      this.#acting -= 1;
      this.#check();
    }
  }

  /** Makes the row the one of the line, unless something newer is known of the same message. */
  place(line: Line, row: Row): void {
    const ended = this.#ended.get(row.id);
    const best = isGrowing(row) && ended && ended.updatedAt >= row.updatedAt ? ended : row;
    const live = this.#live.get(row.id) ?? "";
    line.row.value = best;
    line.text.value = isGrowing(best) && live.length > best.content.length ? live : best.content;
  }

  /** Puts a message at the end, or finds it there; an older row of the same message goes. */
  append(row: Row, line?: Line): Line {
    const known = this.lineOf(row.id);
    const rest = line && known && known !== line ? this.lines.peek().filter((one) => one !== known) : this.lines.peek();
    const place = line ?? known ?? lineOf(row, null);
    this.place(place, row);
    this.lines.value = rest.includes(place) ? rest : [...rest.filter(isStored), place, ...rest.filter((one) => !isStored(one))];
    return place;
  }

  /** Puts other messages below a line; the first takes the place of what stands there, with its element. */
  replaceBelow(index: number, edges: readonly Place[], hasNewer: boolean): void {
    const lines = this.lines.peek();
    const [first, ...others] = edges.map(({ node, cursor }) => this.#made(node, cursor));
    const swapped = first && { ...first, key: lines[index]?.key ?? first.key };
    this.lines.value = [...lines.slice(0, index), ...(swapped ? [swapped] : []), ...others, ...lines.slice(index).filter((one) => !isStored(one))];
    this.hasNewer.value = hasNewer;
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

  /** Returns where the pages above and below the line begin. A message that was just sent has none yet. */
  async cursorOf(line: Line): Promise<string | null> {
    if (line.cursor.peek() === null) await this.#compare();
    return line.cursor.peek();
  }

  /** A reply is expected to go on, so its former end does not count. */
  forgetEnd(id: string): void {
    this.#ended.delete(id);
  }

  /** Waits until the rows are those of the server. */
  async settled(): Promise<void> {
    await this.#compare();
  }

  needSync(): void {
    this.#mustSync = true;
    this.#check();
  }

  async #load(around: string | null): Promise<Loaded | null> {
    if (!around) return (await ask(operations.Open, { id: this.id })).conversation;
    try {
      return (await ask(operations.OpenAround, { id: this.id, around })).conversation;
    } catch (error) {
      if (!(error instanceof Failure && error.code === "NOT_FOUND")) throw error;
      this.say("This message has been deleted.");
      return this.#load(null);
    }
  }

  #take({ messagesConnection: path, ...head }: Loaded, around: string | null): void {
    batch(() => {
      this.#setHead(head);
      this.#known = this.#latest = head.historyVersion;
      this.lines.value = path.edges.map(({ node, cursor }) => this.#made(node, cursor));
      this.hasOlder.value = path.pageInfo.hasPreviousPage;
      this.hasNewer.value = path.pageInfo.hasNextPage;
      if (!path.pageInfo.hasNextPage) waitingIn(this.id).forEach((entry) => (this.show(entry).sending.value = "waiting"));
      const found = around ? this.lineOf(around) : undefined;
      this.target.value = found ? { kind: "show", key: found.key } : { kind: "tail" };
      this.state.value = "ready";
    });
  }

  #subscribe(after: string): void {
    this.close();
    const variables = { id: this.id, after };
    const reopen = (code: string) => (code === "NOT_FOUND" ? this.#vanish() : void this.open());
    this.#leave = [
      watch(operations.Watch, variables, ({ replyStream: event }) => {
        variables.after = event.cursor;
        this.#hear(event);
      }, reopen),
      watch(operations.Changed, { id: this.id }, ({ conversationChanged: change }) => {
        if (!change.conversation) return this.#vanish();
        this.#setHead(change.conversation);
        this.#latest = change.conversation.historyVersion;
        setTimeout(() => this.#check(), GATHERING);
      }, reopen),
    ];
  }

  #vanish(): void {
    this.close();
    this.state.value = "gone";
  }

  #setHead(head: Opened | Head): void {
    const old = this.head.peek();
    if (old && (head.historyVersion < old.historyVersion || head.version < old.version)) return;
    this.head.value = old ? { ...old, ...head } : (head as Opened);
    putHead(head);
  }

  #hear(event: Event): void {
    const id = event.messageId;
    if (event.__typename === "ReplyFinished" || event.__typename === "ReplyFailed") return this.#end(id, event.message);
    if (event.__typename === "ReplyStarted") this.#ended.delete(id);
    const line = this.lineOf(id);
    const text = fold(this.#live.get(id) ?? line?.text.peek() ?? null, event as TextEvent);
    if (text !== null) this.#live.set(id, text);
    if (line) this.#grow(id);
    else if (event.__typename === "ReplyStarted" && event.message?.isActive && !this.hasNewer.peek()) this.needSync();
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

  #end(id: string, row: Row | null): void {
    this.#live.delete(id);
    this.#dirty.delete(id);
    const line = this.lineOf(id);
    batch(() => {
      const head = this.head.peek();
      if (head?.activeReply?.id === id) this.head.value = { ...head, activeReply: null };
      if (!row) return line && this.drop(line);
      this.#ended.set(id, row);
      if (!line) return;
      if (isGrowing(line.row.peek())) this.#known += 1;
      this.place(line, row);
    });
    setTimeout(() => this.#check(), GATHERING);
  }

  #account(head: Head | null, steps: number): void {
    if (!head) return;
    this.#setHead(head);
    if (head.historyVersion === this.#known + steps) this.#known = head.historyVersion;
    else this.#mustSync = true;
    this.#latest = Math.max(this.#latest, head.historyVersion);
  }

  #check(): void {
    if (this.#acting || this.#syncing || this.state.peek() !== "ready") return;
    if (this.#mustSync || this.#latest !== this.#known) void this.#sync();
  }

  async #sync(): Promise<void> {
    this.#syncing = true;
    this.#mustSync = false;
    try {
      await this.#compare();
    } catch {
      // Without an answer there is nothing to compare; the next change or reconnect asks again.
      this.#latest = this.#known;
    } finally {
      this.#syncing = false;
    }
    this.#check();
  }

  async #compare(): Promise<void> {
    const light = await this.#light(this.reading());
    if (!light) return this.#vanish();
    const path = light.messagesConnection;
    const stale = path.edges.map(({ node }) => node).filter((node) => this.#differs(node));
    const rows = new Map<string, Row>();
    if (stale.length) {
      const { nodes } = await ask(operations.Rows, { ids: stale.map(({ id }) => id) });
      for (const node of nodes) if (node?.__typename === "Message") rows.set(node.id, node);
    }
    batch(() => {
      const { messagesConnection: _, ...head } = light;
      this.#setHead(head);
      this.#known = this.#latest = light.historyVersion;
      const lines = path.edges.map(({ node, cursor }) => this.#merged(node, cursor, rows.get(node.id)));
      if (lines.includes(null)) this.#mustSync = true;
      const pending = this.lines.peek().filter((line) => !isStored(line));
      this.lines.value = [...lines.filter((line) => line !== null), ...pending];
      this.hasOlder.value = path.pageInfo.hasPreviousPage;
      this.hasNewer.value = path.pageInfo.hasNextPage;
    });
  }

  async #light(around: string | null) {
    const end = { id: this.id, first: null, last: LIGHT_ROWS, around: null };
    const middle = { id: this.id, first: LIGHT_ROWS, last: null, around };
    try {
      return (await ask(operations.Light, around ? middle : end)).conversation;
    } catch (error) {
      if (!(error instanceof Failure && error.code === "NOT_FOUND")) throw error;
      return (await ask(operations.Light, end)).conversation;
    }
  }

  #differs(node: LightRow): boolean {
    const row = this.lineOf(node.id)?.row.peek();
    return !row || row.updatedAt < node.updatedAt || row.alternativeCount !== node.alternativeCount || row.alternativeIndex !== node.alternativeIndex;
  }

  #merged(node: LightRow, cursor: string, row: Row | undefined): Line | null {
    const line = this.lineOf(node.id);
    if (!line) return row ? this.#made(row, cursor) : null;
    line.cursor.value = cursor;
    if (row && row.updatedAt >= line.row.peek().updatedAt) this.place(line, row);
    return line;
  }

  #made(row: Row, cursor: string | null): Line {
    const known = this.lineOf(row.id);
    const line = known ?? lineOf(row, cursor);
    line.cursor.value = cursor;
    if (!known || known.row.peek().updatedAt <= row.updatedAt) this.place(line, row);
    return line;
  }

  #fresh(edges: readonly Edge[]): Line[] {
    return edges.filter(({ node }) => !this.lineOf(node.id)).map(({ node, cursor }) => this.#made(node, cursor));
  }

  async #page(side: "older" | "newer", load: () => Promise<void>): Promise<void> {
    this.paging.value = side;
    try {
      await load();
    } catch (error) {
      this.say((error as Error).message);
    } finally {
      this.paging.value = null;
    }
  }
}

/** A message and its cursor, where that is known. */
export interface Place {
  readonly node: Row;
  readonly cursor: string | null;
}
type LightRow = Pick<Row, "id" | "updatedAt" | "alternativeIndex" | "alternativeCount">;

/** Whether the server has the message of the line. */
export const isStored = (line: Line) => !line.row.peek().id.startsWith("pending:");
