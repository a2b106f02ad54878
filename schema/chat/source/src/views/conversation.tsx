// The thread of an open conversation, with its head and its menu.
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { announce } from "../announce";
import { go, replace, route, to } from "../route";
import { Scroller } from "../scroller";
import * as acts from "../state/acts";
import { draftOf } from "../state/drafts";
import { confirmFirst, isDrawerOpen, openDialog } from "../state/dialogs";
import type { Line } from "../state/line";
import { markSeen } from "../state/seen";
import { server } from "../state/shelf";
import { isStored } from "../state/lines";
import type { Thread } from "../state/thread";
import { clearConversation, deleteConversation, fork } from "../state/conversations";
import { plural, titleOf } from "../words";
import { WithHead } from "./app";
import { Composer } from "./composer";
import { Message } from "./message";
import { Avatar, Empty, Failed, IconButton, Loading, Menu } from "./parts";

export function Conversation({ thread }: { thread: Thread }) {
  const state = thread.state.value;
  if (state === "loading") return <WithHead title="Conversation"><Loading what="the conversation" /></WithHead>;
  if (state === "failed") return <WithHead title="Conversation"><Failed what={thread.problem.value} again={() => void thread.open()} /></WithHead>;
  return (
    <>
      <Head thread={thread} />
      {state === "gone" ? <Gone thread={thread} /> : <Messages thread={thread} />}
      {(state !== "gone" || draftOf(thread.id)) && <Composer thread={thread} isGone={state === "gone"} />}
    </>
  );
}

function Gone({ thread }: { thread: Thread }) {
  return (
    <div class="screen">
      <Empty title={thread.head.value ? "This conversation has been deleted." : "There is no such conversation."}>
        <a class="button" href={to.characters}>Characters</a>
      </Empty>
    </div>
  );
}

function Head({ thread }: { thread: Thread }) {
  const head = thread.head.value;
  if (!head) return <header class="top"><IconButton icon="menu" label="Conversations" class="narrow-only" onClick={() => (isDrawerOpen.value = true)} /><h1>Conversation</h1></header>;
  return (
    <header class="top">
      <IconButton icon="menu" label="Conversations" class="narrow-only" onClick={() => (isDrawerOpen.value = true)} />
      <a class="who" href={to.character(head.character.id)} aria-label={`About ${head.character.name}`}><Avatar of={head.character} /></a>
      <div class="names">
        <h1 dir="auto">{titleOf(head)}</h1>
        <p dir="auto">{[head.character.name, head.topic].filter(Boolean).join(" · ")}</p>
      </div>
      {thread.state.value === "ready" && <Menu label="More about this conversation" items={() => items(thread)} />}
    </header>
  );
}

function items(thread: Thread) {
  const head = thread.head.peek()!;
  const what = { quote: titleOf(head), text: `${head.character.name} · ${plural(head.messageCount, "message")}` };
  return [
    { icon: "edit", label: "Title, topic, model…", run: () => openDialog("conversation") },
    { icon: "search", label: "Find in it", run: () => openDialog("find") },
    { icon: "fork", label: "Make a copy", run: () => void fork(thread, null) },
    {
      icon: "clear", label: "Clear…", isDanger: true,
      run: () => confirmFirst({ title: "Clear this conversation?", ...what, action: "Delete its messages", run: () => clearConversation(thread) }),
    },
    {
      icon: "trash", label: "Delete…", isDanger: true,
      run: () => confirmFirst({ title: "Delete this conversation?", ...what, action: "Delete", run: async () => (await deleteConversation(thread)) && go(to.home) }),
    },
  ] as const;
}

function Messages({ thread }: { thread: Thread }) {
  const box = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const scroller = useRef<Scroller>(null);
  const isAtEnd = useSignal(true);
  const lines = thread.lines.value;
  const rowOf = (key: string) => list.current?.querySelector<HTMLElement>(`[data-key="${key}"]`) ?? null;

  useLayoutEffect(() => {
    const page = (side: "start" | "end") => void (side === "start" ? thread.older() : thread.newer());
    const isWhole = () => !thread.hasNewer.peek();
    const made = new Scroller(box.current!, list.current!, page, (atEnd) => (isAtEnd.value = atEnd && isWhole()), isWhole);
    scroller.current = made;
    thread.reading = () => made.reading?.dataset["id"] ?? null;
    return () => made.close();
  }, [thread]);
  const target = thread.target.value;
  useLayoutEffect(() => {
    if (!target) return;
    if (target.kind === "tail") scroller.current!.tail();
    else {
      const row = rowOf(target.key);
      if (row && target.kind === "follow") scroller.current!.follow(row);
      else if (row) point(scroller.current!, row);
    }
  }, [target]);
  useLayoutEffect(() => scroller.current!.settle(), [lines]);
  useAnnouncements(thread);
  useSignalEffect(() => {
    const head = thread.head.value;
    if (head && isAtEnd.value && !thread.writing.value && document.hasFocus()) markSeen(head.id, head.historyVersion);
  });
  useEffect(() => {
    const look = () => thread.head.peek() && isAtEnd.peek() && markSeen(thread.id, thread.head.peek()!.historyVersion);
    addEventListener("focus", look);
    return () => removeEventListener("focus", look);
  }, [thread]);

  const stored = lines.filter(isStored);
  return (
    <div class="thread" ref={box} tabIndex={-1} onKeyDown={walk}>
      <div class="rows" ref={list}>
        {lines.map((line, place) => (
          <Message key={line.key} thread={thread} line={line} isLast={line === stored.at(-1)} isFirst={place === 0 && !thread.hasOlder.value} />
        ))}
      </div>
      {!lines.length && <Empty title="Nothing has been said yet."><p>Write the first message below.</p></Empty>}
      <EngineHint thread={thread} />
      {!isAtEnd.value && <IconButton icon="down" label="To the latest message" class="to-end" onClick={() => void thread.toEnd().then(() => scroller.current?.tail())} />}
    </div>
  );
}

/** A message that somebody came for is pointed at for a moment, and then has its own address no longer. */
function point(scroller: Scroller, row: HTMLElement): void {
  scroller.show(row);
  row.classList.add("found");
  row.addEventListener("animationend", () => row.classList.remove("found"), { once: true });
  row.focus({ preventScroll: true });
  const here = route.peek();
  if (here.screen === "conversation" && here.message) replace(to.conversation(here.id));
}

function EngineHint({ thread }: { thread: Thread }) {
  const isNew = useMemo(() => (thread.head.peek()?.messageCount ?? 0) <= 3, [thread]);
  if (!isNew || server.value?.engine !== "builtin") return null;
  return (
    <p class="hint">
      No language model is connected, so the replies are made up of set sentences.{" "}
      <button type="button" class="link" onClick={() => openDialog("models")}>Connect a model</button>
    </p>
  );
}

/** Tells that somebody writes, then the whole reply once. */
function useAnnouncements(thread: Thread): void {
  const before = useRef<string | undefined>(undefined);
  useSignalEffect(() => {
    const id = thread.writing.value;
    const name = thread.head.peek()?.character.name ?? "The character";
    const line = before.current ? thread.lineOf(before.current) : undefined;
    if (id && id !== before.current) announce(`${name} is writing.`);
    else if (!id && line) announce(said(name, line));
    before.current = id;
  });
}

function said(name: string, line: Line): string {
  const { status, failure } = line.row.peek();
  if (status === "FAILED" || status === "INTERRUPTED") return `${name} could not finish. ${failure?.message ?? ""}`;
  return `${name}${status === "STOPPED" ? ", stopped" : ""}: ${line.text.peek()}`;
}

/** ↑ and ↓ go from message to message, Enter goes to the buttons of one. */
function walk(event: KeyboardEvent): void {
  const row = event.target as HTMLElement;
  if (!row.matches("article")) return;
  const step = { ArrowUp: "previousElementSibling", ArrowDown: "nextElementSibling" }[event.key] as "nextElementSibling" | undefined;
  const next = step && row[step];
  if (next instanceof HTMLElement) {
    event.preventDefault();
    next.focus();
  } else if (event.key === "Enter") {
    event.preventDefault();
    row.querySelector<HTMLElement>("button")?.focus();
  }
}

export const forkAt = (thread: Thread, line: Line) => void fork(thread, line.row.peek().id);
export const deleteAt = (thread: Thread, line: Line) => {
  const below = thread.lines.peek().length - thread.lines.peek().indexOf(line) - 1;
  const more = thread.hasNewer.peek() ? "everything below it" : plural(below, "message");
  confirmFirst({
    title: "Delete this message?",
    text: below ? `With it goes what follows: ${more}.` : "It is the last of the conversation.",
    quote: line.text.peek().slice(0, 140),
    action: "Delete",
    run: () => acts.remove(thread, line),
  });
};
