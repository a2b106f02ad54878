// Where one writes.
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import * as acts from "../state/acts";
import { editing } from "../state/current";
import { dialog } from "../state/dialogs";
import { draftOf, keepDraft } from "../state/drafts";
import { settings } from "../state/settings";
import { server } from "../state/shelf";
import { isStored } from "../state/lines";
import type { Thread } from "../state/thread";
import { IconButton } from "./parts";

export function Composer({ thread, isGone }: { thread: Thread; isGone: boolean }) {
  const area = useRef<HTMLTextAreaElement>(null);
  const length = useSignal(0);
  const returned = thread.returned.value;
  const show = (text: string) => {
    area.current!.value = text;
    length.value = text.length;
    fit(area.current!);
  };
  useLayoutEffect(() => show(draftOf(thread.id)), [thread, returned]);
  useEffect(() => {
    if (settings.peek().enterSends && !isGone) area.current!.focus({ preventScroll: true });
  }, [thread]);

  const limit = server.value?.maxMessageLength ?? Infinity;
  const send = () => {
    const text = area.current!.value;
    if (!text.trim() || text.length > limit || isGone) return;
    show("");
    keepDraft(thread.id, "");
    void acts.send(thread, text);
    area.current!.focus({ preventScroll: true });
  };
  const input = (event: Event) => {
    const { value } = event.currentTarget as HTMLTextAreaElement;
    keepDraft(thread.id, value);
    length.value = value.length;
    fit(area.current!);
  };
  const name = thread.head.value?.character.name ?? "";
  const tooLong = length.value - limit;
  return (
    <div class="composer">
      <Notice thread={thread} />
      {tooLong > 0 && <p class="note" role="alert">{tooLong.toLocaleString()} characters more than a message can have.</p>}
      {isGone && length.value > 0 && <p class="note">Your draft is still here, to be copied.</p>}
      <div class="box">
        <textarea id="composer" ref={area} rows={1} dir="auto" aria-label={`Message to ${name}`} placeholder={isGone ? "" : `Message to ${name}`}
          enterkeyhint={settings.value.enterSends ? "send" : "enter"} readOnly={isGone} onInput={input} onKeyDown={(event) => keys(event, thread, send)} />
        {thread.writing.value && <IconButton icon="stop" label="Stop (Esc)" class="stop" onClick={() => void acts.stop(thread)} />}
        {!isGone && (!thread.writing.value || length.value > 0) && <IconButton icon="send" label="Send" class="send" disabled={!length.value || tooLong > 0} onClick={send} />}
      </div>
    </div>
  );
}

function Notice({ thread }: { thread: Thread }) {
  const note = thread.note.value;
  if (!note) return null;
  const run = (act: () => void) => () => {
    thread.note.value = null;
    act();
  };
  return (
    <div class="note" role="alert">
      <span>{note.text}</span>
      {note.actions?.map(({ label, run: act }) => <button type="button" onClick={run(act)}>{label}</button>)}
      <IconButton icon="close" label="Dismiss" onClick={() => (thread.note.value = null)} />
    </div>
  );
}

function keys(event: KeyboardEvent, thread: Thread, send: () => void): void {
  // Enter chooses a word of an input method; Safari tells that only by the old code.
  if (event.isComposing || event.keyCode === 229) return;
  const area = event.currentTarget as HTMLTextAreaElement;
  const isEmpty = area.value === "";
  if (event.key === "Enter" && !event.shiftKey && (settings.peek().enterSends || event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    send();
  } else if (event.key === "Escape" && !event.shiftKey && !dialog.peek()) void acts.stop(thread);
  else if (isEmpty && (event.key === "ArrowLeft" || event.key === "ArrowRight")) swipeLast(event, thread);
  else if (isEmpty && event.key === "ArrowUp") editLastOwn(event, thread);
}

function swipeLast(event: KeyboardEvent, thread: Thread): void {
  const line = thread.lines.peek().findLast(isStored);
  if (!line || line.row.peek().role !== "ASSISTANT") return;
  event.preventDefault();
  const isRightToLeft = getComputedStyle(document.documentElement).direction === "rtl";
  void acts.swipe(thread, line, (event.key === "ArrowRight") !== isRightToLeft ? 1 : -1);
}

function editLastOwn(event: KeyboardEvent, thread: Thread): void {
  const line = thread.lines.peek().findLast((one) => isStored(one) && one.row.peek().role === "USER");
  if (!line) return;
  event.preventDefault();
  editing.value = line.key;
}

const FITS_ITSELF = CSS.supports("field-sizing", "content");

function fit(area: HTMLTextAreaElement): void {
  if (FITS_ITSELF) return;
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight + 2}px`;
}
