// Changes the text of a message in its place.
import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import * as acts from "../state/acts";
import { editing } from "../state/current";
import { draftOf, keepDraft } from "../state/drafts";
import type { Line } from "../state/line";
import { server } from "../state/shelf";
import type { Thread } from "../state/thread";
import { Markdown } from "../text/markdown";

export function Editor({ thread, line }: { thread: Thread; line: Line }) {
  const { id, role, content } = line.row.value;
  const place = `edit:${id}`;
  const area = useRef<HTMLTextAreaElement>(null);
  const atFirst = useRef(content);
  const isBusy = useSignal(false);
  useLayoutEffect(() => {
    area.current!.value = draftOf(place) || content;
    area.current!.focus();
  }, []);
  const close = () => {
    keepDraft(place, "");
    editing.value = null;
    document.querySelector<HTMLElement>("#composer")?.focus();
  };
  const save = async (change: (text: string) => Promise<string>) => {
    const text = area.current!.value;
    if (text === line.row.peek().content) return close();
    isBusy.value = true;
    if ((await change(text)) === "saved") close();
    isBusy.value = false;
  };
  const asVersion = () => void save((text) => acts.branch(thread, line, text));
  const inPlace = () => void save((text) => acts.edit(thread, line, line.row.peek().content, text));
  const isOwn = role === "USER";
  const keys = (event: KeyboardEvent) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) (isOwn ? asVersion : inPlace)();
  };
  return (
    <div class="editor">
      {content !== atFirst.current && <div class="text conflict" dir="auto"><Markdown text={content} /></div>}
      <textarea ref={area} aria-label="Text of the message" dir="auto" maxLength={server.value?.maxMessageLength} onKeyDown={keys}
        onInput={(event) => keepDraft(place, event.currentTarget.value)} />
      <div class="buttons">
        {isOwn && <button type="button" class="main" disabled={isBusy.value || !!thread.writing.value} onClick={asVersion}>Send again</button>}
        <button type="button" class={isOwn ? "" : "main"} disabled={isBusy.value} onClick={inPlace}>{isOwn ? "Only change" : "Save"}</button>
        {!isOwn && <button type="button" disabled={isBusy.value || !!thread.writing.value} onClick={asVersion}>Save as another version</button>}
        <button type="button" class="quiet" onClick={close}>Cancel</button>
      </div>
    </div>
  );
}
