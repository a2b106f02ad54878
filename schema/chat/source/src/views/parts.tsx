// What several screens are made of.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { hueOf, initials } from "../words";
import { Icon, type IconName } from "./icons";

interface Person {
  readonly id: string;
  readonly name: string;
  readonly avatarUrl?: string | null;
}

const isOurs = (url: string) => new URL(url, location.href).origin === location.origin;

/** A picture, if it is of this server; initials on a colour otherwise. */
export function Avatar({ of, size = "normal" }: { of: Person; size?: "small" | "normal" | "large" }) {
  const paint = (element: HTMLElement | null) => element?.style.setProperty("--hue", String(hueOf(of.id)));
  return (
    <span class={`avatar ${size}`} ref={paint} aria-hidden="true">
      {of.avatarUrl && URL.canParse(of.avatarUrl, location.href) && isOurs(of.avatarUrl)
        ? <img src={of.avatarUrl} alt="" loading="lazy" />
        : initials(of.name)}
    </span>
  );
}

interface ButtonProps {
  readonly icon: IconName;
  readonly label: string;
  readonly onClick: (event: MouseEvent) => void;
  readonly class?: string;
  readonly disabled?: boolean;
}

export const IconButton = ({ icon, label, onClick, disabled = false, ...rest }: ButtonProps) => (
  <button type="button" class={`iconic ${rest.class ?? ""}`} aria-label={label} title={label} disabled={disabled} onClick={onClick}>
    <Icon name={icon} />
  </button>
);

export interface Item {
  readonly icon: IconName;
  readonly label: string;
  readonly run: () => void;
  readonly isDanger?: boolean;
}

/** A button with a list of acts, which exist only while the list is open, and stay as they are under the pointer. */
export function Menu({ label, items, class: kind = "" }: { label: string; items: () => readonly Item[]; class?: string }) {
  const open = useSignal<readonly Item[] | null>(null);
  const button = useRef<HTMLButtonElement>(null);
  return (
    <>
      <button ref={button} type="button" class={`iconic ${kind}`} aria-label={label} title={label} aria-haspopup="menu"
        aria-expanded={open.value !== null} onClick={() => (open.value = items())}>
        <Icon name="dots" />
      </button>
      {open.value && <Items items={open.value} opener={button.current!} close={() => (open.value = null)} />}
    </>
  );
}

function Items({ items, opener, close }: { items: readonly Item[]; opener: HTMLElement; close: () => void }) {
  const list = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const menu = list.current!;
    menu.showPopover();
    const at = opener.getBoundingClientRect();
    const below = at.bottom + menu.offsetHeight + 8 < innerHeight;
    menu.style.top = `${Math.max(8, below ? at.bottom + 4 : at.top - menu.offsetHeight - 4)}px`;
    menu.style.left = `${Math.max(8, Math.min(at.right - menu.offsetWidth, innerWidth - menu.offsetWidth - 8))}px`;
    menu.querySelector("button")?.focus();
  }, []);
  const choose = (item: Item) => {
    list.current?.hidePopover();
    opener.focus();
    item.run();
  };
  const move = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step && event.key !== "Tab") return;
    event.preventDefault();
    const buttons = [...list.current!.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    buttons.at((at + (step ?? (event.shiftKey ? -1 : 1))) % buttons.length)?.focus();
  };
  return (
    <div ref={list} popover="auto" role="menu" class="menu" onKeyDown={move} onToggle={(event) => event.newState === "closed" && close()}>
      {items.map((item) => (
        <button type="button" role="menuitem" class={item.isDanger ? "danger" : ""} onClick={() => choose(item)}>
          <Icon name={item.icon} />{item.label}
        </button>
      ))}
    </div>
  );
}

export function Dialog({ title, close, children, class: kind = "" }: { title: string; close: () => void; children: ComponentChildren; class?: string }) {
  const element = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const opener = document.activeElement as HTMLElement | null;
    const own = element.current!;
    own.showModal();
    return () => {
      // A dialog that the browser closed has given the focus back at once, and since then it may have gone on.
      const isLost = document.activeElement === document.body || own.contains(document.activeElement);
      if (isLost && opener?.isConnected && !document.querySelector("dialog[open]")) opener.focus();
    };
  }, []);
  const outside = (event: MouseEvent) => event.target === element.current && element.current?.close();
  return (
    <dialog ref={element} class={kind} aria-label={title} onClose={close} onMouseDown={outside}>
      <div class="sheet">
        <header>
          <h2>{title}</h2>
          <IconButton icon="close" label="Close" onClick={() => element.current!.close()} />
        </header>
        {children}
      </div>
    </dialog>
  );
}

export const Loading = ({ what }: { what: string }) => <div class="state" role="status"><span class="wheel" />Loading {what}…</div>;

export const Failed = ({ what, again }: { what: string; again: () => void }) => (
  <div class="state" role="alert">
    <p>{what}</p>
    <button type="button" onClick={again}>Try again</button>
  </div>
);

export const Empty = ({ title, children }: { title: string; children?: ComponentChildren }) => (
  <div class="state"><h2>{title}</h2>{children}</div>
);

/** Loads something when the screen opens, and again when `about` changes. */
export function useLoaded<T>(load: () => Promise<T>, about: string) {
  const data = useSignal<T | null>(null);
  const problem = useSignal<string | null>(null);
  const reload = () => {
    problem.value = null;
    load().then((value) => (data.value = value), (error: Error) => (problem.value = error.message));
  };
  useEffect(() => {
    data.value = null;
    reload();
  }, [about]);
  return { data, problem, reload };
}

/** Copies a text, also where the page has no clipboard (by plain HTTP) or is not let to it. */
export async function copy(text: string): Promise<void> {
  const isCopied = await navigator.clipboard?.writeText(text).then(() => true, () => false);
  if (isCopied) return;
  const area = document.createElement("textarea");
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
