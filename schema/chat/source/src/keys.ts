// Keys that work wherever one is on the page.
import { go, to } from "./route";
import { dialog, isDrawerOpen, openDialog } from "./state/dialogs";

export function listen(): void {
  addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const isCommand = event.ctrlKey || event.metaKey;
    if (isCommand && !event.shiftKey && event.key.toLowerCase() === "k") act(event, () => openDialog("find"));
    else if (isCommand && event.shiftKey && event.key.toLowerCase() === "o") act(event, () => go(to.characters));
    else if (isCommand && event.key === "/") act(event, () => openDialog("shortcuts"));
    else if (event.key === "Escape" && event.shiftKey) act(event, () => document.querySelector<HTMLElement>("#composer")?.focus());
    else if (event.key === "Escape" && !dialog.peek() && isDrawerOpen.peek()) act(event, () => (isDrawerOpen.value = false));
  });
  // Buttons that copy stand in texts, which know nothing of the page.
  addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-copy]");
    if (button) document.dispatchEvent(new CustomEvent("copy-text", { detail: button }));
  });
}

function act(event: Event, run: () => unknown): void {
  event.preventDefault();
  run();
}
