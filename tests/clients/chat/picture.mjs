// The picture at the top of the README: node picture.mjs URL CHROMIUM FILE
import { ask, run } from "../checks.mjs";
import { device, rows } from "./browser.mjs";

const [, , , , path] = process.argv;
const CREATE = "mutation ($input: CreateCharacterInput!) { createCharacter(input: $input) { character { id } } }";
const BEGIN = `mutation ($input: ImportConversationInput!) { importConversation(input: $input) { conversation { id } userErrors { message } } }`;
const OTHERS = [
  ["Brother Anselm", "The vanished psalter", "“You will find,” he says, “that the missing page was never lost. It was hidden.”"],
  ["Captain Orla Venn", "Course for the Belt", "*taps the chart* “We burn at dawn. If the pump holds.”"],
  ["The Orchard", "What the bees heard", "The wind asks you the same thing again, and waits."],
  ["Mirko", "Chess by post", "Knight to f6. And how is your sister?"],
];
const TALK = [
  ["user", "“A hundred and twelve stairs,” I say, out of breath. *I put my lantern on the table.* “Do you never get tired of them?”"],
  ["assistant", "*She laughs, and pours the tea without looking.* “The stairs? They get tired of **me**. So. You did not come up here for the view, not tonight.”\n\n*Admiral opens his one eye, finds you acceptable, and shuts it again.*"],
  ["user", "“There was a light on the reef. Not yours. I counted it: three short, one long.”"],
  ["assistant", "*The cup stops halfway.* “Three short, one long.” She sets it down with great care.\n\n“Nobody has signalled that since the *Marguerite* went down, and there was nobody left of her to do it.” She is already reaching for the logbook. “Tell me exactly when. And then put your coat back on.”"],
];

async function talk(character, title, history) {
  const chatHistory = history.map(([role, content]) => ({ role, content }));
  return (await ask(BEGIN, { input: { characterId: character, title, chatHistory } })).importConversation.conversation.id;
}

await run({
  picture: async () => {
    for (const [name, title, said] of OTHERS.reverse()) {
      const { createCharacter } = await ask(CREATE, { input: { name } });
      await talk(createCharacter.character.id, title, [["user", "And then?"], ["assistant", said]]);
    }
    const { characters: [{ id }] } = await ask('{ characters(search: "Ayla") { id } }');
    const open = await talk(id, "A light on the reef", TALK);
    const one = await device({ width: 1060, height: 735 });
    const page = await one.open(`#/c/${open}`);
    await rows(page).nth(3).waitFor();
    await page.evaluate(() => document.fonts.ready);
    await page.screenshot({ path });
    one.check();
    await one.context.close();
  },
});
