// Finds conversations by their titles, and messages by their words.
import { useSignal } from "@preact/signals";
import type { ResultOf } from "gql.tada";
import { useEffect, useRef } from "preact/hooks";
import { ask } from "../api/link";
import * as operations from "../api/operations";
import { go, to } from "../route";
import { current } from "../state/current";
import type { Head } from "../state/shelf";
import { ago, titleOf } from "../words";
import { Avatar, Dialog, Loading } from "./parts";

type Edge = ResultOf<typeof operations.Find>["searchMessages"]["edges"][number];
interface Found {
  readonly edges: readonly Edge[];
  readonly titles: readonly Head[];
  readonly next: string | null;
  readonly isComplete: boolean;
}

const TYPING = 200;

export function Find({ close }: { close: () => void }) {
  const found = useSignal<Found | null>(null);
  const state = useSignal<"idle" | "loading" | string>("idle");
  const isHere = useSignal(false);
  const timer = useRef(0);
  const input = useRef<HTMLInputElement>(null);
  const asked = useRef(0);

  const search = async (after: string | null = null) => {
    const query = input.current!.value.trim();
    const turn = (asked.current += 1);
    if (!query) return ((found.value = null), (state.value = "idle"));
    state.value = "loading";
    const conversation = isHere.value ? (current.peek()?.id ?? null) : null;
    try {
      const { searchMessages: page, titles } = await ask(operations.Find, { query, after, conversation, withTitles: !after && !conversation });
      if (turn !== asked.current) return;
      const edges = after ? [...(found.value?.edges ?? []), ...page.edges] : page.edges;
      const next = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
      found.value = { edges, next, titles: titles ?? (after ? (found.value?.titles ?? []) : []), isComplete: page.isComplete };
      state.value = "idle";
    } catch (error) {
      if (turn === asked.current) state.value = (error as Error).message;
    }
    return undefined;
  };
  const typed = () => {
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => void search(), TYPING);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  const open = (hash: string) => (event: Event) => {
    event.preventDefault();
    close();
    go(hash);
  };
  const first = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") walk(event);
  };
  return (
    <Dialog title="Find" close={close} class="find">
      <div onKeyDown={first}>
        <input ref={input} role="searchbox" enterkeyhint="search" autocomplete="off" aria-label="Words to find" placeholder="Words of a title or a message" autofocus dir="auto" onInput={typed} />
        {current.value?.head.value && (
          <label class="check"><input type="checkbox" checked={isHere.value} onChange={(event) => ((isHere.value = event.currentTarget.checked), void search())} />Only in this conversation</label>
        )}
        {state.value === "loading" && !found.value && <Loading what="what is found" />}
        {!["idle", "loading"].includes(state.value) && <p class="note" role="alert">{state.value}</p>}
        {found.value && <Results found={found.value} open={open} />}
        {found.value?.next && <button type="button" class="quiet wide" onClick={() => void search(found.value!.next)}>Show more</button>}
      </div>
    </Dialog>
  );
}

function Results({ found, open }: { found: Found; open: (hash: string) => (event: Event) => void }) {
  if (!found.edges.length && !found.titles.length) return <p class="hint" role="status">Nothing has these words.{!found.isComplete && " Older messages are still being indexed."}</p>;
  return (
    <ul class="results">
      {found.titles.map((head) => (
        <li key={head.id}><a href={to.conversation(head.id)} onClick={open(to.conversation(head.id))}>
          <Avatar of={head.character} /><span class="about"><span class="title" dir="auto">{titleOf(head)}</span><span class="last">{head.character.name} · {ago(head.activeAt)}</span></span>
        </a></li>
      ))}
      {found.edges.map((edge) => <Hit key={edge.node.id} edge={edge} open={open} />)}
      {!found.isComplete && <li class="hint">Older messages are still being indexed.</li>}
    </ul>
  );
}

function Hit({ edge: { node, snippet, ranges }, open }: { edge: Edge; open: (hash: string) => (event: Event) => void }) {
  const { conversation } = node;
  const hash = to.conversation(conversation.id, node.id);
  const who = node.role === "USER" ? "You" : conversation.character.name;
  return (
    <li><a href={hash} onClick={open(hash)}>
      <Avatar of={conversation.character} />
      <span class="about">
        <span class="title" dir="auto">{titleOf(conversation)}</span>
        <span class="snippet" dir="auto">{marked(snippet, ranges)}</span>
        <span class="last">{who}{node.createdAt && ` · ${ago(node.createdAt)}`}{!node.isActive && " · in another version"}</span>
      </span>
    </a></li>
  );
}

function marked(text: string, ranges: readonly { start: number; end: number }[]) {
  const parts = ranges.flatMap(({ start, end }, at) => [text.slice(at ? ranges[at - 1]!.end : 0, start), <mark>{text.slice(start, end)}</mark>]);
  return [...parts, text.slice(ranges.at(-1)?.end ?? 0)];
}

function walk(event: KeyboardEvent): void {
  const links = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("[role=searchbox], .results a")];
  const at = links.indexOf(document.activeElement as HTMLElement);
  const next = links[at + (event.key === "ArrowDown" ? 1 : -1)];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
