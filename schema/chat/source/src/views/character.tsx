// A character with its conversations, in one request.
import { useSignal } from "@preact/signals";
import { ask } from "../api/link";
import * as operations from "../api/operations";
import { go, to } from "../route";
import { begin } from "../state/conversations";
import { confirmFirst } from "../state/dialogs";
import { type Head, dropHead, heads } from "../state/shelf";
import { Markdown } from "../text/markdown";
import { ago, plural, titleOf } from "../words";
import { WithHead } from "./app";
import { Avatar, Empty, Failed, Loading, Menu, useLoaded } from "./parts";

const load = async (id: string, after: string | null) => (await ask(operations.CharacterWithConversations, { id, after })).character;
type Loaded = NonNullable<Awaited<ReturnType<typeof load>>>;

export function Character({ id }: { id: string }) {
  const { data, problem, reload } = useLoaded(async () => ({ character: await load(id, null) }), id);
  if (problem.value) return <WithHead title="Character"><Failed what={problem.value} again={reload} /></WithHead>;
  if (!data.value) return <WithHead title="Character"><Loading what="the character" /></WithHead>;
  const { character } = data.value;
  if (!character) return <WithHead title="Character"><Empty title="There is no such character."><a class="button" href={to.characters}>Characters</a></Empty></WithHead>;
  return <WithHead title={character.name}><About character={character} /></WithHead>;
}

const PARTS = [["personality", "Personality"], ["scenario", "Scenario"], ["greeting", "Greeting"]] as const;

function About({ character }: { character: Loaded }) {
  const problem = useSignal<string | null>(null);
  const talk = async () => {
    problem.value = await begin(character.id).catch((error: Error) => error.message);
  };
  return (
    <div class="about">
      <div class="portrait">
        <Avatar of={character} size="large" />
        <div class="buttons">
          <button type="button" class="main" onClick={() => void talk()}>New conversation</button>
          <a class="button" href={to.editCharacter(character.id)}>Edit</a>
          <Menu label="More about this character" items={() => [{ icon: "trash", label: "Delete…", isDanger: true, run: () => askToDelete(character, (why) => (problem.value = why)) }]} />
        </div>
      </div>
      {problem.value && <p class="note" role="alert">{problem.value}</p>}
      <div class="text" dir="auto">{character.description ? <Markdown text={character.description} /> : <p class="hint">Nothing is written about this character yet.</p>}</div>
      {character.tags.length > 0 && <ul class="tags">{character.tags.map((tag) => <li>{tag}</li>)}</ul>}
      {PARTS.map(([part, title]) => character[part] && (
        <details><summary>{title}</summary><div class="text" dir="auto"><Markdown text={character[part]!} /></div></details>
      ))}
      <Conversations character={character} />
    </div>
  );
}

function Conversations({ character }: { character: Loaded }) {
  const first = character.conversationsConnection;
  const list = useSignal<readonly Head[]>(first.edges.map(({ node }) => node));
  const next = useSignal(first.pageInfo.hasNextPage ? first.pageInfo.endCursor : null);
  const problem = useSignal<string | null>(null);
  const more = async () => {
    problem.value = null;
    const page = (await load(character.id, next.value))?.conversationsConnection;
    list.value = [...list.value, ...(page?.edges.map(({ node }) => node) ?? [])];
    next.value = page?.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
  };
  return (
    <section>
      <h2>{plural(first.totalCount, "conversation")}</h2>
      {!list.value.length && <p class="hint">You have not talked yet.</p>}
      <ul class="links">
        {list.value.map((head) => (
          <li key={head.id}>
            <a href={to.conversation(head.id)}>
              <span class="title" dir="auto">{titleOf(head)}</span>
              <span class="hint">{plural(head.messageCount, "message")} · {ago(head.activeAt)}</span>
            </a>
          </li>
        ))}
      </ul>
      {next.value && <button type="button" class="quiet wide" onClick={() => void more().catch((error: Error) => (problem.value = error.message))}>Show older ones</button>}
      {problem.value && <p class="note" role="alert">{problem.value}</p>}
    </section>
  );
}

/** Deletes the character. Returns why not, if the server refuses. */
async function remove(id: string): Promise<string | undefined> {
  const { deleteCharacter } = await ask(operations.DeleteCharacter, { id });
  return deleteCharacter?.userErrors.find(({ code }) => code !== "NOT_FOUND")?.message;
}

function askToDelete(character: Loaded, fail: (why: string) => void): void {
  confirmFirst({
    title: `Delete ${character.name}?`,
    text: `With the character go all its conversations: ${character.conversationCount.toLocaleString()}.`,
    action: "Delete",
    run: async () => {
      const why = await remove(character.id).catch((error: Error) => error.message);
      if (why) return fail(why);
      heads.peek().filter((head) => head.character.id === character.id).forEach((head) => dropHead(head.id));
      go(to.characters);
    },
  });
}
