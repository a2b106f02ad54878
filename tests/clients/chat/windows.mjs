// Two windows on one conversation, and what each sees of the other: node windows.mjs URL CHROMIUM
import { ask, expect, run } from "../checks.mjs";
import { answered, choose, chooseOfAll, composer, device, editElsewhere, flat, idOf, last, rows, say, textOf } from "./browser.mjs";

const ACTS = 50;
const PATH = "query Path($id: ID!) { conversation(id: $id) { messages(last: 100) { id content } } }";
const seed = Number(process.env.REPARTEE_TEST_SEED ?? 7);

// The same numbers for the same seed (mulberry32).
function numbers(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function pair(act) {
  const devices = [await device(), await device()];
  const first = await devices[0].open();
  await rows(first).first().waitFor();
  await first.getByRole("link", { name: "New conversation", exact: true }).click();
  await first.getByRole("button", { name: "Talk with Ayla" }).click();
  await first.waitForURL(/#\/c\//);
  await rows(first).first().waitFor();
  const second = await devices[1].open(new URL(first.url()).hash);
  await rows(second).first().waitFor();
  try {
    await act(first, second);
  } catch (error) {
    // A page that broke, or was told nothing, shows what it showed before.
    throw new Error([...devices.flatMap(({ complaints }) => complaints), error.stack, ...devices.flatMap(({ heard }) => ["heard last", ...heard.slice(-6)])].join("\n"));
  }
  for (const one of devices) {
    one.check();
    await one.context.close();
  }
}

// The rows of a page. One that shows another version while a reply is being written shows it to its own window only.
const shown = (page) => page.evaluate(() => [...document.querySelectorAll("article")].map((row) => ({ isOwn: row.innerText.includes("Only looked at"), id: row.dataset.id, text: row.querySelector(".text")?.innerText.trim().replace(/\s+/g, " ") })));

// Each row that is not the one that is stored there, with that one.
const unlike = (rows, stored) => Array.from({ length: Math.max(rows.length, stored.length) }, (_, place) => [rows[place], stored[place]]).filter(([row, kept]) => !(row && kept) || !(row.isOwn || (row.id === kept.id && row.text === kept.text)));
// What a report of a row needs: whole texts would fill it.
const brief = (row) => row && { ...row, text: row.text?.slice(-60) };
const isQuiet = () => !document.querySelector(".growing") && ![...document.querySelectorAll(".mark")].some((mark) => mark.textContent === "Sending…");
const bubbles = (page) => page.evaluate(() => [...document.querySelectorAll("article")].map((row) => `${row.dataset.id}: ${row.innerText}`).join("\n"));

// Waits until nothing is being sent or written.
async function quiet(page) {
  await page.waitForFunction(isQuiet, null, { timeout: 90_000 }).catch(async (error) => {
    throw new Error(`${error.message}\n${await bubbles(page)}`);
  });
}

// Something that a person might do now. What is not possible just now is left.
async function anything(page, next, turn) {
  const quick = { timeout: 500 };
  const row = rows(page).nth(Math.floor(next() * (await rows(page).count())));
  const roll = next();
  if (roll < 0.35) await say(page, next() < 0.2 ? "write 900" : `words ${turn}`);
  else if (roll < 0.5) await last(page).getByRole("button", { name: /version/i }).last().click(quick);
  else if (roll < 0.6) await row.getByRole("button", { name: "Version before" }).click(quick);
  else if (roll < 0.7) await composer(page).press("Escape");
  else if (roll < 0.9) {
    await row.getByRole("button", { name: "More about this message" }).click(quick);
    await page.getByRole("menuitem", { name: "Edit" }).click(quick);
    await page.getByLabel("Text of the message").fill(`changed ${turn}`, quick);
    await page.getByRole("button", { name: next() < 0.5 ? /Only change|^Save$/ : /Send again|another version/ }).last().click(quick);
  } else {
    await row.getByRole("button", { name: "More about this message" }).click(quick);
    await page.getByRole("menuitem", { name: "Delete…" }).click(quick);
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click(quick);
  }
}

// Closes a menu, a dialog and an editor that may be open.
async function leave(page) {
  await page.keyboard.press("Escape");
  const cancel = page.getByRole("button", { name: "Cancel" });
  while (await cancel.count()) await cancel.last().click({ timeout: 500 }).catch(() => {});
}

async function busily(page, start) {
  const next = numbers(start);
  let done = 0;
  for (let turn = 0; turn < ACTS; turn += 1) {
    try {
      await anything(page, next, start * 1000 + turn);
      done += 1;
    } catch {
      await leave(page);
    }
  }
  await leave(page);
  return done;
}

await run({
  "what one window does, the other shows": () => pair(async (first, second) => {
    await say(first, "write 1500");
    await rows(second).getByText("Line 3 of a long text.").waitFor();
    await answered(second, 3);
    await choose(second, rows(second).nth(1), "Edit");
    await second.getByLabel("Text of the message").fill("Seen from the other side.");
    await second.getByRole("button", { name: "Only change" }).click();
    await rows(first).getByText("Seen from the other side.").waitFor();
    await chooseOfAll(second, "Title, topic, model…");
    await second.getByLabel("Title").fill("Both know");
    await second.getByRole("button", { name: "Save" }).click();
    await first.getByRole("heading", { level: 1, name: "Both know" }).waitFor();
    await first.getByRole("navigation").getByText("Both know").waitFor();
  }),
  "an edit that somebody else overtook shows both texts": () => pair(async (first, second) => {
    await say(first, "the text");
    await answered(first, 3);
    await answered(second, 3);
    await choose(second, rows(second).nth(1), "Edit");
    await second.getByLabel("Text of the message").fill("mine");
    await editElsewhere(await rows(first).nth(1).getAttribute("data-id"), "theirs");
    await rows(first).getByText("theirs").waitFor();
    await second.locator(".conflict").getByText("theirs").waitFor();
    expect(await second.getByLabel("Text of the message").inputValue(), "mine");
  }),
  "a text that comes in between two tries of an edit is not replaced": () => pair(async (first, second) => {
    await say(first, "the text");
    await answered(second, 3);
    const [other, id] = await rows(second).evaluateAll((all) => all.map((row) => row.dataset.id));
    let step = 0;
    await second.route("**/graphql", async (route) => {
      const asked = route.request().postData() ?? "";
      if (step === 0 && asked.includes("mutation Edit(")) {
        step = 1;
        await editElsewhere(other, "Another one.");
      }
      if (step === 2 || !asked.includes("query Standing(")) return route.continue();
      step = 2;
      const response = await route.fetch();
      await editElsewhere(id, "theirs");
      return route.fulfill({ response });
    });
    await choose(second, rows(second).nth(1), "Edit");
    await second.getByLabel("Text of the message").fill("mine");
    await second.getByRole("button", { name: "Only change" }).click();
    await second.locator(".conflict").getByText("theirs").waitFor();
    const { message } = await ask("query ($id: ID!) { message(id: $id) { content } }", { id });
    expect([message.content, step], ["theirs", 2]);
  }),
  "a reply in another conversation is marked as unread": () => pair(async (first, second) => {
    const id = await idOf(first);
    await second.goto(second.url().replace(/#.*/, "#/characters"));
    await say(first, "hello");
    await answered(first, 3);
    await second.waitForFunction(() => document.title.startsWith("(1) "));
    expect(await second.locator(`nav a[href="#/c/${id}"] [aria-label="unread"]`).count(), 1);
    await second.locator(`nav a[href="#/c/${id}"]`).click();
    await second.waitForFunction(() => !document.title.startsWith("("));
  }),
  "a conversation that is deleted elsewhere says so, and keeps the draft": () => pair(async (first, second) => {
    await composer(second).fill("not yet sent");
    await chooseOfAll(first, "Delete…");
    await first.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await second.getByText("This conversation has been deleted.").waitFor();
    expect([await composer(second).inputValue(), await composer(second).evaluate((area) => area.readOnly)], ["not yet sent", true]);
  }),
  "a change that comes while rows are compared is not lost": () => pair(async (first, second) => {
    let release;
    const released = new Promise((resolve) => { release = resolve; });
    let isFirst = true;
    const held = new Promise((resolve) => second.route("**/graphql", async (route) => {
      if (!isFirst || !route.request().postData()?.includes("query Light")) return route.continue();
      isFirst = false;
      const response = await route.fetch();
      resolve();
      await released;
      await route.fulfill({ response });
    }));
    const id = await rows(first).first().getAttribute("data-id");
    await editElsewhere(id, "Changed.");
    await held;
    const { message } = await ask("query ($id: ID!) { message(id: $id) { alternatives { id } } }", { id });
    const other = message.alternatives.find((one) => one.id !== id).id;
    await ask("mutation ($other: ID!) { selectAlternative(input: { messageId: $other }) { userErrors { message } } }", { other });
    await ask("mutation ($id: ID!) { updateConversation(input: { conversationId: $id, title: \"Told last\" }) { userErrors { message } } }", { id: await idOf(first) });
    await second.getByRole("heading", { level: 1, name: "Told last" }).waitFor();
    release();
    await second.locator(`article[data-id="${other}"]`).waitFor();
  }),
  "a reply that was edited is not being written, whichever news of it comes last": () => pair(async (first, second) => {
    await say(first, "hello");
    await answered(first, 3);
    let release;
    const released = new Promise((resolve) => { release = resolve; });
    await second.routeWebSocket("**/graphql", (socket) => {
      const server = socket.connectToServer();
      server.onMessage(async (message) => {
        if (String(message).includes("ReplySnapshot")) await released;
        socket.send(message);
      });
    });
    await second.reload();
    await answered(second, 3);
    const id = await last(second).getAttribute("data-id");
    await editElsewhere(id, "Said better.");
    await rows(second).getByText("Said better.").waitFor();
    release();
    await say(first, "and then?");
    await answered(second, 5);
  }),
  "an open menu stays as it is when the reply ends": () => pair(async (first, second) => {
    await say(first, "hold");
    await rows(second).getByText("I hold on to this").waitFor();
    await last(second).getByRole("button", { name: "More about this message" }).click();
    const before = await second.getByRole("menuitem").allInnerTexts();
    await composer(first).press("Escape");
    await second.waitForFunction(() => !document.querySelector(".growing"));
    expect(await second.getByRole("menuitem").allInnerTexts(), before);
  }),
  "equal after fifty acts each": () => pair(async (first, second) => {
    const done = await Promise.all([busily(first, seed), busily(second, seed + 1)]);
    if (Math.min(...done) < ACTS / 3) throw new Error(`hardly anything was possible: ${done}`);
    await Promise.all([quiet(first), quiet(second)]);
    expect(await idOf(second), await idOf(first));
    // Whatever was still on its way has arrived by then, in both windows.
    let differences;
    for (let looks = 0; looks < 160; looks += 1) {
      const { conversation } = await ask(PATH, { id: await idOf(first) });
      const stored = conversation.messages.map(({ id, content }) => ({ id, text: flat(content) }));
      differences = await Promise.all([first, second].map(async (page) => unlike(await shown(page), stored)));
      if (!differences.flat().length) break;
      await first.waitForTimeout(250);
    }
    expect(differences.map((window) => window.map((pair) => pair.map(brief))), [[], []]);
  }),
}, 240_000);
