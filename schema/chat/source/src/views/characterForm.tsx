// Makes a character, or changes one.
import { useSignal } from "@preact/signals";
import type { ResultOf } from "gql.tada";
import { ask, newKey } from "../api/link";
import * as operations from "../api/operations";
import { go, to } from "../route";
import { WithHead } from "./app";
import { Buttons, Field, GenerationFields, generationOf, textOf, useForm } from "./fields";
import { Empty, Failed, Loading, useLoaded } from "./parts";

type Sheet = ResultOf<typeof operations.Sheet>;
const FIELDS = ["name", "description", "personality", "scenario", "greeting", "exampleDialogue", "systemPrompt", "postHistoryInstructions"] as const;
const NEW = {
  id: "", version: 0, name: "", avatarUrl: null, description: "", personality: "", scenario: "", systemPrompt: "", postHistoryInstructions: "",
  exampleDialogue: "", greeting: "", alternateGreetings: [], tags: [], conversationCount: 0,
  generation: { model: null, temperature: null, maxTokens: null, topP: null, minP: null },
} satisfies Sheet;

export function CharacterForm({ id }: { id: string | null }) {
  if (!id) return <WithHead title="New character"><Form sheet={NEW} /></WithHead>;
  return <Existing id={id} />;
}

function Existing({ id }: { id: string }) {
  const { data, problem, reload } = useLoaded(async () => ({ ...(await ask(operations.CharacterWithConversations, { id, after: null })) }), id);
  const sheet = data.value?.character;
  return (
    <WithHead title={sheet ? `Edit ${sheet.name}` : "Edit"}>
      {problem.value ? <Failed what={problem.value} again={reload} /> : !data.value ? <Loading what="the character" />
        : sheet ? <Form key={sheet.id} sheet={sheet} /> : <Empty title="There is no such character."><a class="button" href={to.characters}>Characters</a></Empty>}
    </WithHead>
  );
}

function Form({ sheet }: { sheet: Sheet }) {
  // Moves when somebody else was faster, so that saving again means what it says.
  const version = useSignal(sheet.version);
  const key = useSignal(newKey());
  const { isBusy, errors, onSubmit, problemOf } = useForm(async (form) => {
    const texts = Object.fromEntries(FIELDS.map((name) => [name, textOf(form, name)])) as Record<(typeof FIELDS)[number], string>;
    const input = {
      ...texts,
      greeting: texts.greeting || null,
      alternateGreetings: paragraphs(textOf(form, "alternateGreetings")),
      tags: textOf(form, "tags").split(",").map((tag) => tag.trim()).filter(Boolean),
      generation: generationOf(form),
    };
    const payload = sheet.id
      ? (await ask(operations.UpdateCharacter, { input: { ...input, characterId: sheet.id, expectedVersion: version.value } })).updateCharacter
      : (await ask(operations.CreateCharacter, { input: { ...input, idempotencyKey: key.value } })).createCharacter;
    if (payload?.character) go(to.character(payload.character.id));
    else key.value = newKey();
    const conflict = payload?.userErrors.find(({ code }) => code === "VERSION_CONFLICT");
    if (!conflict) return payload?.userErrors ?? [];
    const { character } = await ask(operations.CharacterWithConversations, { id: sheet.id, after: null });
    version.value = character?.version ?? version.value;
    return [{ ...conflict, message: "Somebody changed this character meanwhile. Save again to replace that by what is written here." }];
  });
  const field = (name: (typeof FIELDS)[number], label: string, hint = "", rows = 0, more: object = {}) => (
    <Field {...{ name, label, hint, rows, ...more }} value={sheet[name] ?? ""} problem={problemOf(name)} />
  );
  return (
    <form class="form" onSubmit={onSubmit}>
      {field("name", "Name", "", 0, { required: true, maxLength: 200 })}
      {field("description", "Who it is", "The model reads this. {{char}} stands for the character's name, {{user}} for yours.", 5)}
      {field("personality", "Personality", "", 3)}
      {field("scenario", "Where and when you meet", "", 3)}
      {field("greeting", "What it says first", "", 4)}
      <details>
        <summary>More</summary>
        <Field name="alternateGreetings" label="Other greetings" hint="One below the other, with a line of --- between them." rows={4} value={sheet.alternateGreetings.join("\n---\n")} />
        {field("exampleDialogue", "How it talks, by example", "", 4)}
        <Field name="tags" label="Tags" hint="Separated by commas." value={sheet.tags.join(", ")} />
        {field("systemPrompt", "System prompt", "Replaces the server's own.", 4)}
        {field("postHistoryInstructions", "Instructions after the history", "", 3)}
        <GenerationFields value={sheet.generation} inherits="The server's default" />
      </details>
      <Buttons isBusy={isBusy.value} errors={errors.value}>
        <a class="button quiet" href={sheet.id ? to.character(sheet.id) : to.characters}>Cancel</a>
      </Buttons>
    </form>
  );
}

const paragraphs = (text: string) => text.split(/^---+$/m).map((part) => part.trim()).filter(Boolean);
