// The list of conversations, by last use.
import { useSignal } from "@preact/signals";
import { isDrawerOpen, openDialog } from "../state/dialogs";
import { unread } from "../state/seen";
import { type Head, hasMore, heads, loadMore, loadShelf, shelfProblem, shelfState } from "../state/shelf";
import { draftOf } from "../state/drafts";
import { route, to } from "../route";
import { ago, titleOf } from "../words";
import { Icon } from "./icons";
import { Avatar, Failed, IconButton, Loading } from "./parts";

export function Shelf() {
  return (
    <nav class={`shelf ${isDrawerOpen.value ? "open" : ""}`} aria-label="Conversations">
      <header>
        <a class="brand" href={to.home}>Repartee</a>
        <IconButton icon="search" label="Find (Ctrl+K)" onClick={() => openDialog("find")} />
        <IconButton icon="close" label="Close the list" class="narrow-only" onClick={() => (isDrawerOpen.value = false)} />
      </header>
      <a class="new" href={to.characters}><Icon name="plus" />New conversation</a>
      <List />
      <footer>
        <a href={to.characters} aria-current={route.value.screen === "characters" ? "page" : undefined}><Icon name="people" />Characters</a>
        <IconButton icon="gear" label="Settings" onClick={() => openDialog("settings")} />
      </footer>
    </nav>
  );
}

function List() {
  if (shelfState.value === "loading") return <div class="list"><Loading what="conversations" /></div>;
  if (shelfState.value === "failed") return <div class="list"><Failed what={shelfProblem.value} again={loadShelf} /></div>;
  if (!heads.value.length) return <p class="list hint">No conversations yet. Choose a character to begin one.</p>;
  return (
    <ul class="list">
      {heads.value.map((head) => <Entry key={head.id} head={head} />)}
      {hasMore.value && <li><More /></li>}
    </ul>
  );
}

function More() {
  const isLoading = useSignal(false);
  const load = () => {
    isLoading.value = true;
    void loadMore().catch(() => {}).finally(() => (isLoading.value = false));
  };
  return <button type="button" class="quiet wide" disabled={isLoading.value} onClick={load}>{isLoading.value ? "Loading…" : "Show older ones"}</button>;
}

function Entry({ head }: { head: Head }) {
  const here = route.value;
  const isOpen = here.screen === "conversation" && here.id === head.id;
  const isUnread = unread.value.has(head.id) && !isOpen;
  return (
    <li>
      <a class={isUnread ? "unread" : ""} href={to.conversation(head.id)} aria-current={isOpen ? "page" : undefined} onClick={() => (isDrawerOpen.value = false)}>
        <Avatar of={head.character} />
        <span class="about">
          <span class="title" dir="auto">{titleOf(head)}</span>
          <span class="last" dir="auto">{lastOf(head, isOpen)}</span>
        </span>
        <span class="when">
          <time dateTime={head.activeAt}>{ago(head.activeAt)}</time>
          {isUnread && <span class="dot" role="img" aria-label="unread" />}
        </span>
      </a>
    </li>
  );
}

function lastOf(head: Head, isOpen: boolean) {
  if (head.activeReply) return <span class="writing">{head.character.name} is writing…</span>;
  const draft = isOpen ? "" : draftOf(head.id);
  if (draft) return <><b>Draft:</b> {draft}</>;
  if (!head.lastMessage) return head.character.name;
  const { role, status, excerpt } = head.lastMessage;
  if (!excerpt && (status === "FAILED" || status === "INTERRUPTED")) return `${head.character.name} could not reply.`;
  return `${role === "USER" ? "You" : head.character.name}: ${excerpt || "…"}`;
}
