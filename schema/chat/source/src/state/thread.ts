// An open conversation: the rows that are shown, the text that grows, and how both keep up with the server.
import { batch, computed, signal } from "@preact/signals";
import type { ResultOf } from "gql.tada";
import { Failure, ask, online, watch } from "../api/link";
import * as operations from "../api/operations";
import type { TextEvent } from "./fold";
import { type Line, type Row, isGrowing } from "./line";
import { Lines, type Place, isStored } from "./lines";
import type { Note, Target } from "./notice";
import { waitingIn } from "./outbox";
import { type Head, putHead } from "./shelf";

export type Opened = ResultOf<typeof operations.Opened>;
type Loaded = NonNullable<ResultOf<typeof operations.Open>["conversation"]>;
type Event = ResultOf<typeof operations.Watch>["replyStream"];
type Payload = { conversation: Head | null; userErrors: readonly UserError[] };
export type UserError = ResultOf<typeof operations.Problem>;

const MOST_ROWS = 150;
const LIGHT_ROWS = 100;
// A final event and the news of the same change come by two subscriptions; so long the second waits for the first.
const GATHERING = 150;
const AGAIN = 2000;

export class Thread extends Lines {
  readonly state = signal<"loading" | "ready" | "failed" | "gone">("loading");
  readonly problem = signal("");
  readonly head = signal<Opened | null>(null);
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

  // The historyVersion that all changes seen so far add up to, and the one that the server told last.
  #known = 0;
  #latest = 0;
  #acting = 0;
  #syncing = false;
  #mustSync = false;
  #leave: (() => void)[] = [];

  constructor(readonly id: string) {
    super();
  }

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
      const lines = [...this.fresh(edges), ...this.lines.peek()];
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
      const lines = [...this.lines.peek(), ...this.fresh(edges)];
      this.hasNewer.value = pageInfo.hasNextPage;
      if (lines.length > MOST_ROWS) this.hasOlder.value = true;
      this.lines.value = lines.slice(-MOST_ROWS);
    });
  }

  async toEnd(): Promise<void> {
    if (this.hasNewer.peek()) await this.open();
    else this.target.value = { kind: "tail" };
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

  /** Returns where the pages above and below the line begin. A message that was just sent has none yet. */
  async cursorOf(line: Line): Promise<string | null> {
    if (line.cursor.peek() === null) await this.compare();
    return line.cursor.peek();
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
      this.lines.value = path.edges.map(({ node, cursor }) => this.made(node, cursor));
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
    if (event.__typename === "ReplySnapshot" && this.revise(event.message)) return;
    const isShown = this.hear(id, event as TextEvent);
    if (!isShown && event.__typename === "ReplyStarted" && event.message?.isActive && !this.hasNewer.peek()) this.needSync();
  }

  #end(id: string, row: Row | null): void {
    batch(() => {
      const head = this.head.peek();
      if (head?.activeReply?.id === id) this.head.value = { ...head, activeReply: null };
      if (this.finish(id, row)) this.#known += 1;
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
      await this.compare();
    } catch {
      // Without an answer there is nothing to compare yet; a reconnect begins with the present state.
      this.#latest = this.#known;
      if (online.peek() === "live" && this.#leave.length) setTimeout(() => this.needSync(), AGAIN);
    } finally {
      this.#syncing = false;
    }
    this.#check();
  }

  /** Shows the row, if its message is shown; what is shown may have changed since somebody asked for it. */
  renew(row: Row): void {
    const line = this.lineOf(row.id);
    if (line) this.place(line, row);
    else this.needSync();
  }

  /** Puts other versions in the place of a line and of those below it. */
  swap(line: Line, edges: readonly Place[], hasNewer: boolean): void {
    if (!this.replaceFrom(line, edges, hasNewer)) this.needSync();
  }

  /** Makes the rows those of the server, from the one that is read to both sides. */
  async compare(): Promise<void> {
    const light = await this.#light(this.reading());
    if (!light) return this.#vanish();
    const { messagesConnection: path, ...head } = light;
    const stale = path.edges.map(({ node }) => node).filter((node) => this.differs(node));
    const rows = new Map<string, Row>();
    if (stale.length) {
      const { nodes } = await ask(operations.Rows, { ids: stale.map(({ id }) => id) });
      for (const node of nodes) if (node?.__typename === "Message") rows.set(node.id, node);
    }
    batch(() => {
      this.#setHead(head);
      this.#known = head.historyVersion;
      this.#latest = Math.max(this.#latest, head.historyVersion); // Of a later change the news may have come meanwhile.
      const lines = path.edges.map(({ node, cursor }) => this.merged(node, cursor, rows.get(node.id)));
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
