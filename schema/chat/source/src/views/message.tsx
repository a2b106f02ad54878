// One message: who, what, its versions, and what can be done with it.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import * as acts from "../state/acts";
import { editing } from "../state/current";
import { type Line, isGrowing } from "../state/line";
import { isStored } from "../state/lines";
import type { Thread } from "../state/thread";
import { Markdown } from "../text/markdown";
import { clock } from "../words";
import { deleteAt, forkAt } from "./conversation";
import { Editor } from "./editor";
import { Avatar, IconButton, type Item, Menu, copy } from "./parts";

interface Props {
  readonly thread: Thread;
  readonly line: Line;
  readonly isLast: boolean;
  readonly isFirst: boolean;
}

// After so long without a word the page says what it waits for.
const SLOW = 8000;

export function Message({ thread, line, isLast, isFirst }: Props) {
  const row = line.glance.value ?? line.row.value;
  const isOwn = row.role === "USER";
  const who = row.speaker ?? thread.head.value?.character;
  const name = isOwn ? "You" : row.role === "SYSTEM" ? "Note" : (who?.name ?? "");
  const isEdited = editing.value === line.key;
  return (
    <article class={`row ${row.role.toLowerCase()} ${isGrowing(row) ? "growing" : ""}`} data-key={line.key} data-id={row.id}
      tabIndex={isLast ? 0 : -1} aria-label={`${name}, ${clock(row.createdAt ?? row.updatedAt)}`}>
      {!isOwn && who && row.role !== "SYSTEM" && <Avatar of={who} />}
      <div class="bubble">
        <header>
          <h2 dir="auto">{name}</h2>
          {row.createdAt && <time dateTime={row.createdAt} title={clock(row.createdAt)}>{new Date(row.createdAt).toLocaleTimeString([], { timeStyle: "short" })}</time>}
          {row.editedAt && <span class="mark">edited</span>}
          <Versions thread={thread} line={line} isLast={isLast} isFirst={isFirst} />
          {isStored(line) && !isEdited && <Menu label={`More about this message`} class="more" items={() => items(thread, line, isLast)} />}
        </header>
        {isEdited ? <Editor thread={thread} line={line} /> : <Text line={line} />}
        {!isEdited && <Foot thread={thread} line={line} isLast={isLast} />}
      </div>
    </article>
  );
}

function Text({ line }: { line: Line }) {
  const glance = line.glance.value;
  const text = glance ? glance.content : line.text.value;
  return <div class="text" dir="auto"><Markdown text={text} />{isGrowing(glance ?? line.row.value) && <Waiting hasText={text !== ""} />}</div>;
}

function Waiting({ hasText }: { hasText: boolean }) {
  const isSlow = useSignal(false);
  useEffect(() => {
    const timer = setTimeout(() => (isSlow.value = true), SLOW);
    return () => clearTimeout(timer);
  }, []);
  if (hasText) return null;
  return (
    <p class="waiting">
      <span class="dots" aria-hidden="true"><i /><i /><i /></span>
      {isSlow.value && <span>Still waiting for the first word. The model may be loading, or busy with another reply.</span>}
    </p>
  );
}

/** Arrows between the versions. They stand above the text, so that they stay in place whatever its length. */
function Versions({ thread, line, isLast, isFirst }: Props) {
  const row = line.glance.value ?? line.row.value;
  const { alternativeIndex: index, alternativeCount: count } = row;
  const canGrow = isLast && !isFirst && acts.canAskAgain(thread, line) && !isGrowing(row);
  if (!isStored(line) || (count < 2 && !canGrow)) return null;
  const isEnd = index >= count - 1;
  return (
    <span class="versions" role="group" aria-label="Versions">
      <IconButton icon="left" label="Version before" disabled={index === 0} onClick={() => void acts.swipe(thread, line, -1)} />
      <span aria-label={`Version ${index + 1} of ${count}`}>{index + 1}/{count}</span>
      <IconButton icon="right" label={isEnd ? "Write another version" : "Next version"} disabled={isEnd && !canGrow} onClick={() => void acts.swipe(thread, line, 1)} />
    </span>
  );
}

function Foot({ thread, line, isLast }: Omit<Props, "isFirst">) {
  const row = line.row.value;
  if (line.sending.value) return <Sending thread={thread} line={line} />;
  if (line.glance.value) return <div class="foot"><span class="mark">Only looked at: it can be chosen when the reply is written.</span></div>;
  if (isGrowing(row)) return null;
  if (isLast && row.role === "USER" && !thread.writing.value) {
    return <div class="foot"><button type="button" class="quiet" onClick={() => void acts.answer(thread)}>Ask for a reply</button></div>;
  }
  return <Ending thread={thread} line={line} isLast={isLast} />;
}

function items(thread: Thread, line: Line, isLast: boolean): Item[] {
  const row = line.row.peek();
  const isBusy = !!thread.writing.peek();
  const list: Item[] = [
    { icon: "copy", label: "Copy", run: () => void copy(line.text.peek()) },
    { icon: "edit", label: "Edit", run: () => (editing.value = line.key) },
  ];
  if (acts.canAskAgain(thread, line)) list.push({ icon: "again", label: "Write another version", run: () => void acts.again(thread, line) });
  if (row.role === "ASSISTANT" && row.content && isLast && !isBusy) list.push({ icon: "play", label: "Continue", run: () => void acts.goOn(thread, line) });
  list.push(
    { icon: "fork", label: "New conversation from here", run: () => forkAt(thread, line) },
    { icon: "trash", label: "Delete…", isDanger: true, run: () => deleteAt(thread, line) },
  );
  return list;
}

function Sending({ thread, line }: { thread: Thread; line: Line }) {
  if (line.sending.value === "sending") return <div class="foot"><span class="mark">Sending…</span></div>;
  return (
    <div class="foot">
      <span class="mark">Will be sent when the server is there.</span>
      <button type="button" class="quiet" onClick={() => acts.cancel(thread, line.key)}>Take back</button>
    </div>
  );
}

/** How a reply ended, where it did not simply end, and what helps. */
function Ending({ thread, line, isLast }: Omit<Props, "isFirst">) {
  const { status, failure, finishReason, content } = line.row.value;
  const goOn = <button type="button" onClick={() => void acts.goOn(thread, line)}>Continue</button>;
  if (status === "STOPPED") return <div class="foot ending">Stopped. {isLast && goOn}</div>;
  if (status === "COMPLETED" && finishReason === "LENGTH" && isLast) return <div class="foot ending">Cut off at the maximum length. {goOn}</div>;
  if (status !== "FAILED" && status !== "INTERRUPTED") return null;
  return (
    <div class="foot ending failed" role={isLast ? "alert" : "none"}>
      {failure?.message ?? "The reply was interrupted."}{" "}
      {isLast && <Retry seconds={failure?.retryAfterSeconds ?? 0} run={() => void acts.again(thread, line)} />}
      {isLast && content && goOn}
    </div>
  );
}

function Retry({ seconds, run }: { seconds: number; run: () => void }) {
  const left = useSignal(seconds);
  const timer = useRef(0);
  useEffect(() => {
    timer.current = window.setInterval(() => (left.value > 0 ? (left.value -= 1) : clearInterval(timer.current)), 1000);
    return () => clearInterval(timer.current);
  }, []);
  return <button type="button" disabled={left.value > 0} onClick={run}>{left.value > 0 ? `Try again in ${left.value} s` : "Try again"}</button>;
}
