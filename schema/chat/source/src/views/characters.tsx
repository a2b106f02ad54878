// All characters, to choose one or to make another.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { ResultOf } from "gql.tada";
import { ask } from "../api/link";
import * as operations from "../api/operations";
import { to } from "../route";
import { begin } from "../state/conversations";
import { plural } from "../words";
import { WithHead } from "./app";
import { Icon } from "./icons";
import { Avatar, Empty, Failed, Loading, useLoaded } from "./parts";

type Page = ResultOf<typeof operations.Characters>["charactersConnection"];
type Found = Page["edges"][number]["node"];

// A list that fits on a screen needs no search.
const MANY = 8;
const TYPING = 200;

export function Characters() {
  const search = useSignal("");
  const more = useSignal<Found[]>([]);
  const next = useSignal<string | null>(null);
  const load = async () => {
    const { charactersConnection: page } = await ask(operations.Characters, { after: null, search: search.value || null });
    more.value = [];
    next.value = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
    return page;
  };
  const { data, problem, reload } = useLoaded(load, search.value);
  const isMany = useSignal(false);
  if ((data.value?.totalCount ?? 0) > MANY) isMany.value = true;
  const moreFailed = useSignal<string | null>(null);
  const showMore = async () => {
    moreFailed.value = null;
    const { charactersConnection: page } = await ask(operations.Characters, { after: next.value, search: search.value || null });
    more.value = [...more.value, ...page.edges.map(({ node }) => node)];
    next.value = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
  };
  const found = [...(data.value?.edges.map(({ node }) => node) ?? []), ...more.value];
  return (
    <WithHead title="Characters">
      <div class="bar">
        {isMany.value && <Search onSearch={(text) => (search.value = text)} />}
        <a class="button" href={to.newCharacter}><Icon name="plus" />New character</a>
      </div>
      {problem.value ? <Failed what={problem.value} again={reload} /> : !data.value ? <Loading what="characters" /> : null}
      {data.value && !found.length && (search.value
        ? <Empty title="No character has this in its name."><p>Try fewer letters.</p></Empty>
        : <Empty title="There are no characters yet."><p>Make the first: a name and a greeting are enough.</p></Empty>)}
      <ul class="cards">{found.map((one) => <Card key={one.id} one={one} />)}</ul>
      {next.value && <button type="button" class="quiet wide" onClick={() => void showMore().catch((error: Error) => (moreFailed.value = error.message))}>Show more</button>}
      {moreFailed.value && <p class="note" role="alert">{moreFailed.value}</p>}
    </WithHead>
  );
}

function Search({ onSearch }: { onSearch: (text: string) => void }) {
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  const input = (event: Event) => {
    const { value } = event.currentTarget as HTMLInputElement;
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => onSearch(value.trim()), TYPING);
  };
  return <input type="search" aria-label="Search characters" placeholder="Search by name" onInput={input} />;
}

function Card({ one }: { one: Found }) {
  const problem = useSignal<string | null>(null);
  const talk = async () => {
    problem.value = await begin(one.id).catch((error: Error) => error.message);
  };
  return (
    <li class="card">
      <a class="main-link" href={to.character(one.id)}><Avatar of={one} size="large" /><h2 dir="auto">{one.name}</h2></a>
      <p dir="auto">{one.description || "Nothing is written about this character yet."}</p>
      <footer>
        <span class="hint">{plural(one.conversationCount, "conversation")}</span>
        <button type="button" onClick={() => void talk()} aria-label={`Talk with ${one.name}`}>Talk</button>
      </footer>
      {problem.value && <p class="note" role="alert">{problem.value}</p>}
    </li>
  );
}
