// The page: the shelf beside the screen that the address names.
import { useSignal, useSignalEffect } from "@preact/signals";
import { announcement } from "../announce";
import { online } from "../api/link";
import { route, to } from "../route";
import { isShutOut } from "../state/access";
import { current } from "../state/current";
import { dialog, isDrawerOpen } from "../state/dialogs";
import { isSafe } from "../state/outbox";
import { isOutdated, loadShelf, shelfProblem, shelfState } from "../state/shelf";
import { Character } from "./character";
import { Characters } from "./characters";
import { CharacterForm } from "./characterForm";
import { Conversation } from "./conversation";
import { Dialogs } from "./dialogs";
import { IconButton, Empty, Failed, Loading } from "./parts";
import { Shelf } from "./shelf";
import { SignIn } from "./signIn";

const LOST_FOR = 2000;

export function App() {
  if (isShutOut.value) return <SignIn />;
  return (
    <>
      <a class="skip" href="#content" onClick={skip}>Skip to the conversation</a>
      <Shelf />
      {isDrawerOpen.value && <div class="veil" onClick={() => (isDrawerOpen.value = false)} />}
      <main id="content" tabIndex={-1}>
        <Banner />
        <Screen />
      </main>
      {dialog.value && <Dialogs />}
      <div class="hidden" role="status">{announcement.value}</div>
    </>
  );
}

function skip(event: Event): void {
  event.preventDefault();
  (document.querySelector<HTMLElement>("#composer") ?? document.querySelector<HTMLElement>("#content"))?.focus();
}

function Screen() {
  const here = route.value;
  switch (here.screen) {
    case "conversation":
      return current.value && <Conversation key={here.id} thread={current.value} />;
    case "characters":
      return <Characters />;
    case "newCharacter":
      return <CharacterForm id={null} />;
    case "character":
      return <Character key={here.id} id={here.id} />;
    case "editCharacter":
      return <CharacterForm key={here.id} id={here.id} />;
    case "home":
      return <Home />;
    default:
      return <WithHead title="Repartee"><Empty title="There is nothing at this address."><a class="button" href={to.home}>To the conversations</a></Empty></WithHead>;
  }
}

function Home() {
  return (
    <WithHead title="Repartee">
      {shelfState.value === "loading" && <Loading what="your conversations" />}
      {shelfState.value === "failed" && <Failed what={shelfProblem.value} again={loadShelf} />}
      {shelfState.value === "ready" && (
        <Empty title="Whom do you want to talk with?">
          <p>Choose a character, or make one.</p>
          <a class="button" href={to.characters}>Characters</a>
        </Empty>
      )}
    </WithHead>
  );
}

export function WithHead({ title, children }: { title: string; children: preact.ComponentChildren }) {
  return (
    <>
      <header class="top">
        <IconButton icon="menu" label="Conversations" class="narrow-only" onClick={() => (isDrawerOpen.value = true)} />
        <h1>{title}</h1>
      </header>
      <div class="screen">{children}</div>
    </>
  );
}

function Banner() {
  const isLost = useSignal(false);
  useSignalEffect(() => {
    const state = online.value;
    const timer = setTimeout(() => (isLost.value = state !== "live"), state === "live" ? 0 : LOST_FOR);
    return () => clearTimeout(timer);
  });
  if (isOutdated.value) {
    return <div class="banner" role="status">The server has been updated. <button type="button" onClick={() => location.reload()}>Reload</button></div>;
  }
  if (!isLost.value) return null;
  const words = isSafe.value ? "What you write is kept." : "Keep this tab open: your browser stores nothing for this page.";
  return <div class="banner" role="status">Reconnecting. {words}</div>;
}
