// Puts the page together: what is loaded first, what is followed, what the address leads to.
import { effect, untracked } from "@preact/signals";
import { render } from "preact";
import { announce } from "./announce";
import { listen } from "./keys";
import "./page.css";
import { replace, reread, route, to } from "./route";
import { enter } from "./state/access";
import { current, keepSending, leaveThread, openThread } from "./state/current";
import { isDrawerOpen } from "./state/dialogs";
import { beginSeeing, unread } from "./state/seen";
import { applySettings } from "./state/settings";
import { loadShelf, start, watchShelf } from "./state/shelf";
import { fitAboveKeyboard } from "./viewport";
import { App } from "./views/app";
import { copy } from "./views/parts";
import { titleOf } from "./words";

async function home(): Promise<void> {
  const latest = await start();
  beginSeeing();
  if (!latest || route.peek().screen !== "home") return;
  openThread(latest.id, null, latest);
  replace(to.conversation(latest.id));
}

applySettings();
listen();
fitAboveKeyboard();
await enter();
reread();
if (route.peek().screen !== "home") void loadShelf().then(beginSeeing);
effect(() => {
  const here = route.value;
  untracked(() => {
    isDrawerOpen.value = false;
    if (here.screen === "conversation") openThread(here.id, here.message);
    else leaveThread();
    if (here.screen === "home") void home();
  });
});
effect(() => {
  const head = current.value?.head.value;
  const count = unread.value.size;
  document.title = `${count ? `(${count}) ` : ""}${head ? `${titleOf(head)} · ` : ""}Repartee`;
});
document.addEventListener("copy-text", (event) => {
  const button = (event as CustomEvent<HTMLElement>).detail;
  void copy(button.dataset["copy"] ?? "").then(() => announce("Copied."));
});
watchShelf();
keepSending();
// What the server sent is replaced, not read.
const page = document.querySelector("#page")!;
page.replaceChildren();
render(<App />, page);
