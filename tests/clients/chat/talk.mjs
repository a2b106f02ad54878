// A person talks: node talk.mjs URL CHROMIUM
import { ask, expect, run } from "../checks.mjs";
import { answered, choose, chooseOfAll, composer, idOf, last, rows, say, textOf, visit } from "./browser.mjs";

const PATH = "query Path($id: ID!) { conversation(id: $id) { title messages(last: 100) { role content status } } }";
const stored = async (page) => (await ask(PATH, { id: await idOf(page) })).conversation.messages;
const texts = async (page) => (await stored(page)).map(({ content }) => content);

async function fresh(page) {
  await page.getByRole("link", { name: "New conversation", exact: true }).click();
  await page.getByRole("button", { name: "Talk with Ayla" }).click();
  await page.waitForURL(/#\/c\//);
  await rows(page).first().waitFor();
}

const talk = (name, act, options = {}) => [name, () => visit(options, async (page, device) => {
  await rows(page).first().waitFor();
  await fresh(page);
  await act(page, device);
})];

await run(Object.fromEntries([
  ["first visit", () => visit({}, async (page, { asked }) => {
    await rows(page).getByText("The door bangs shut").waitFor();
    const toFirstMessage = asked.filter((request) => !request.url().endsWith(".svg"));
    expect(toFirstMessage.map((request) => request.method()), ["GET", "GET", "GET", "POST"]);
    expect(await page.getByRole("heading", { level: 1 }).innerText(), "New conversation with Ayla");
  })],
  talk("a reply is shown while it is written", async (page) => {
    await say(page, "write 3000");
    const lengths = new Set();
    while (!lengths.has("end")) {
      lengths.add(await page.evaluate(() => document.querySelector(".growing .text")?.textContent.length ?? (document.querySelectorAll("article").length > 2 ? "end" : 0)));
    }
    if (lengths.size < 5) throw new Error(`the reply came in ${lengths.size} parts`);
    await answered(page, 3);
    const [, said, reply] = await stored(page);
    expect([said.content, reply.status], ["write 3000", "COMPLETED"]);
    expect((await textOf(last(page))).replace(/\s+/g, " "), reply.content.trim().replace(/\s+/g, " "));
  }),
  talk("stop keeps the text, and continue goes on", async (page) => {
    await say(page, "hold");
    await rows(page).getByText("I hold on to this").waitFor();
    await composer(page).press("Escape");
    await page.getByText("Stopped.").waitFor();
    expect((await stored(page)).at(-1), { role: "ASSISTANT", content: "I hold on to this", status: "STOPPED" });
    await page.getByRole("button", { name: "Continue" }).click();
    await rows(page).getByText(/I hold on to this and on it goes/).waitFor();
    await answered(page, 3);
    expect((await texts(page)).at(-1), await textOf(last(page)));
  }),
  talk("versions by buttons and by arrows", async (page) => {
    await say(page, "one");
    await answered(page, 3);
    const first = await textOf(last(page));
    await last(page).getByRole("button", { name: "Write another version" }).click();
    await last(page).getByText("2/2").waitFor();
    await answered(page, 3);
    const second = await textOf(last(page));
    if (first === second) throw new Error("it is the same version");
    await composer(page).press("ArrowLeft");
    await last(page).getByText("1/2").waitFor();
    expect([await textOf(last(page)), (await texts(page)).at(-1).includes("reply")], [first, true]);
    await composer(page).press("ArrowRight");
    await last(page).getByText("2/2").waitFor();
    expect(await textOf(last(page)), second);
  }),
  talk("greetings have versions, but no more are written", async (page) => {
    await rows(page).first().getByRole("button", { name: "Next version" }).click();
    await rows(page).getByText("She does not look up").waitFor();
    expect(await rows(page).first().getByRole("button", { name: "Write another version" }).isDisabled(), true);
  }),
  talk("edit and send again makes a branch that can be left", async (page) => {
    await say(page, "first words");
    await answered(page, 3);
    await say(page, "more words");
    await answered(page, 5);
    await choose(page, rows(page).nth(1), "Edit");
    await page.getByLabel("Text of the message").fill("other words");
    await page.getByRole("button", { name: "Send again" }).click();
    await answered(page, 3);
    expect((await texts(page))[1], "other words");
    await rows(page).nth(1).getByRole("button", { name: "Version before" }).click();
    await answered(page, 5);
    expect((await texts(page)).slice(1, 4).map((text) => text.slice(0, 11)), ["first words", "*nods, repl", "more words"]);
    expect(await textOf(rows(page).nth(3)), "more words");
  }),
  talk("only change", async (page) => {
    await say(page, "a misspelt wrod");
    await answered(page, 3);
    await composer(page).press("ArrowUp");
    await page.getByLabel("Text of the message").fill("a misspelt word");
    await page.getByRole("button", { name: "Only change" }).click();
    await page.getByText("edited").waitFor();
    expect([(await texts(page))[1], await textOf(rows(page).nth(1)), await rows(page).count()], ["a misspelt word", "a misspelt word", 3]);
  }),
  talk("a failed engine is told, and asked again", async (page) => {
    await say(page, "fail");
    await page.getByRole("alert").getByText("The model is asleep. Wake it.").waitFor();
    await choose(page, rows(page).nth(1), "Edit");
    await page.getByLabel("Text of the message").fill("wake up");
    await page.getByRole("button", { name: "Only change" }).click();
    await page.getByText("edited").waitFor();
    await page.getByRole("button", { name: "Try again" }).click();
    await rows(page).getByText("It was this: wake up").waitFor();
  }),
  talk("what cannot be sent yet comes back, and stop and send sends it", async (page) => {
    await say(page, "hold");
    await rows(page).getByText("I hold on to this").waitFor();
    await say(page, "meanwhile");
    await page.getByText("Ayla is still writing.").waitFor();
    expect([await composer(page).inputValue(), await rows(page).count()], ["meanwhile", 3]);
    await page.getByRole("button", { name: "Stop and send" }).click();
    await answered(page, 5);
    expect([await composer(page).inputValue(), (await texts(page)).slice(2, 4)], ["", ["I hold on to this", "meanwhile"]]);
  }),
  talk("other versions can be read while one is written", async (page) => {
    await say(page, "one");
    await answered(page, 3);
    await say(page, "hold");
    await rows(page).getByText("I hold on to this").waitFor();
    await rows(page).first().getByRole("button", { name: "Next version" }).click();
    await page.getByText("Only looked at").waitFor();
    await rows(page).getByText("She does not look up").waitFor();
    await composer(page).press("Escape");
  }),
  talk("delete asks by its words, and takes what follows", async (page) => {
    await say(page, "never mind");
    await answered(page, 3);
    await choose(page, rows(page).nth(1), "Delete…");
    const dialog = page.getByRole("dialog");
    expect(await dialog.getByText("never mind").count(), 1);
    await dialog.getByText("1 message").waitFor();
    await dialog.getByRole("button", { name: "Delete" }).click();
    await page.waitForFunction(() => document.querySelectorAll("article").length === 1);
    expect((await texts(page)).length, 1);
  }),
  talk("a conversation is named, copied, cleared and deleted", async (page) => {
    await say(page, "remember this");
    await answered(page, 3);
    await chooseOfAll(page, "Title, topic, model…");
    await page.getByLabel("Title").fill("An evening");
    await page.getByLabel("Topic").fill("storms");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: "An evening", level: 1 }).waitFor();
    await page.getByText("Ayla · storms").waitFor();
    const original = await idOf(page);
    await choose(page, rows(page).nth(1), "New conversation from here");
    await page.waitForFunction((id) => !location.hash.includes(id), original);
    await page.waitForFunction(() => document.querySelectorAll("article").length === 2);
    await page.getByRole("button", { name: "Ask for a reply" }).click();
    await answered(page, 3);
    await chooseOfAll(page, "Clear…");
    await page.getByRole("button", { name: "Delete its messages" }).click();
    await page.waitForFunction(() => document.querySelectorAll("article").length === 1);
    const copy = await idOf(page);
    await chooseOfAll(page, "Delete…");
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.waitForFunction((id) => location.hash.startsWith("#/c/") && !location.hash.includes(id), copy);
    expect((await ask(PATH, { id: copy })).conversation, null);
    expect((await ask(PATH, { id: original })).conversation.title, "An evening");
  }),
]), 120_000);
