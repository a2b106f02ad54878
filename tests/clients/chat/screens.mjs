// Every screen, narrow and wide, light and dark: node screens.mjs URL CHROMIUM - - [FOLDER FOR PICTURES]
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { ask, expect, run } from "../checks.mjs";
import { answered, choose, chooseOfAll, composer, device, idOf, last, origin, rows, say } from "./browser.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const pictures = process.argv[6];
const WCAG = { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] };
const CREATE = `mutation ($input: CreateCharacterInput!) { createCharacter(input: $input) { character { id } } }`;

// What axe finds, as lines that say where. It comes by the debugger, so the page's policy stays as it is.
async function violations(page) {
  await page.evaluate(axe);
  const { violations: found } = await page.evaluate((options) => axe.run(document, options), WCAG);
  return found.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target} ${node.failureSummary.split("\n")[1]}`));
}

async function look(page, name) {
  if (pictures) await page.screenshot({ path: `${pictures}/${name}.png` });
  const { width, wide } = await page.evaluate(() => ({ width: innerWidth, wide: document.documentElement.scrollWidth }));
  if (wide > width) throw new Error(`${name} is ${wide} px wide in ${width} px`);
  const found = await violations(page);
  if (found.length) throw new Error(`${name}\n${found.join("\n")}`);
}

const close = async (page) => {
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
};
const drawer = async (page) => {
  const button = page.locator(".top").getByRole("button", { name: "Conversations" });
  if (await button.isVisible()) await button.click();
};

// The screens in the order in which somebody meets them.
async function tour(page, mode) {
  const see = (name) => look(page, `${mode}-${name}`);
  await rows(page).first().waitFor();
  await see("1-first-visit");
  await page.goto(`${origin}/#/characters`);
  await page.getByRole("button", { name: "Talk with Ayla" }).click();
  await page.waitForURL(/#\/c\//);
  await rows(page).first().waitFor();
  await say(page, 'The stairs are *steep*. "Is that your cat?"');
  await answered(page);
  await last(page).getByRole("button", { name: "Write another version" }).click();
  await last(page).getByText("2/2").waitFor();
  await answered(page);
  await see("2-replies");
  await say(page, "| Sky | Sea |\n|---|---|\n| grey | rough |\n\n> Well.\n\n```js\nconst lamp = 'lit';\n```\n\n1. One\n2. Two");
  await answered(page);
  await see("3-markdown");
  await say(page, "fail");
  await page.getByRole("main").getByText("The model is asleep.").waitFor();
  await see("4-failed");
  await choose(page, rows(page).nth(1), "Edit");
  await see("5-edit");
  await page.getByRole("button", { name: "Cancel" }).click();
  await last(page).getByRole("button", { name: "More about this message" }).click();
  await see("6-menu");
  await page.keyboard.press("Escape");
  await chooseOfAll(page, "Title, topic, model…");
  await page.getByRole("option", { name: "test-model" }).waitFor({ state: "attached" });
  await see("7-conversation");
  await close(page);
  await chooseOfAll(page, "Delete…");
  await see("8-confirm");
  await close(page);
  await page.keyboard.press("Control+k");
  await page.getByLabel("Words to find").fill("cat");
  await page.locator(".results mark").first().waitFor();
  await see("9-find");
  await close(page);
  await drawer(page);
  await see("10-shelf");
  await page.getByRole("button", { name: "Settings" }).click();
  await see("11-settings");
  await page.getByRole("button", { name: "Keyboard" }).click();
  await see("12-keyboard");
  await close(page);
  await page.goto(`${origin}/#/characters`);
  await page.getByRole("button", { name: "Talk with Ayla" }).waitFor();
  await see("13-characters");
  await page.getByRole("main").getByRole("link", { name: "Ayla" }).first().click();
  await page.getByText("keeps the lighthouse").waitFor();
  await see("14-character");
  await page.getByRole("link", { name: "Edit" }).click();
  await page.getByLabel("Name").waitFor();
  await page.getByText("More", { exact: true }).click();
  await see("15-character-form");
  await page.goto(`${origin}/#/c/conv_nothing`);
  await page.getByText("There is no such conversation.").waitFor();
  await see("16-gone");
  await page.goto(`${origin}/#/nowhere`);
  await page.getByText("There is nothing at this address.").waitFor();
  await see("17-nowhere");
}

async function screens(mode, options) {
  const one = await device(options);
  await tour(await one.open(), mode);
  one.check();
  await one.context.close();
}

// Each width and each scheme once; all four where somebody wants to look at the pictures.
const MODES = {
  "wide-light": {},
  "narrow-dark": { width: 360, height: 740, colorScheme: "dark" },
  ...(pictures && { "wide-dark": { colorScheme: "dark" }, "narrow-light": { width: 360, height: 740 } }),
};

// Each state that a slow or missing server leads to.
async function states() {
  const one = await device({ isRough: true });
  const page = await one.context.newPage();
  let answer = () => {};
  const held = new Promise((resolve) => (answer = resolve));
  await page.route("**/graphql", async (route) => (await held, route.abort()));
  await page.goto(origin);
  await page.getByText("Loading your conversations…").waitFor();
  await look(page, "state-loading");
  answer();
  await page.getByRole("main").getByText("The server does not answer.").waitFor();
  await look(page, "state-failed");
  await page.unroute("**/graphql");
  await page.getByRole("main").getByRole("button", { name: "Try again" }).click();
  await page.getByText("Whom do you want to talk with?").waitFor();
  await page.route("**/graphql", (route) => route.abort());
  for (const [hash, what] of [["#/characters", "The server does not answer."], ["#/characters/char_x", "The server does not answer."], ["#/c/conv_x", "The server does not answer."]]) {
    await page.evaluate((to) => (location.hash = to), hash);
    await page.getByRole("main").getByText(what).waitFor();
    await look(page, `state-failed-${hash.replaceAll(/\W/g, "")}`);
  }
  await one.context.close();
}

await run({
  "every screen, wide and narrow, light and dark": async () => {
    for (const [mode, options] of Object.entries(MODES)) await screens(mode, options);
  },
  "320 px, as at 400 %": async () => {
    const one = await device({ width: 320, height: 512 });
    const page = await one.open();
    await rows(page).first().waitFor();
    await look(page, "tiny-conversation");
    await page.goto(`${origin}/#/characters/new`);
    await page.getByLabel("Name").waitFor();
    await look(page, "tiny-form");
    await one.context.close();
  },
  "loading and failed": states,
  "a character is made, changed and deleted": async () => {
    const one = await device();
    const page = await one.open("#/characters");
    await page.getByRole("link", { name: "New character" }).click();
    await page.getByLabel("Name").fill("Tariq");
    await page.getByLabel("What it says first").fill("“Late again,” {{char}} says.");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { level: 1, name: "Tariq" }).waitFor();
    await page.getByText("You have not talked yet.").waitFor();
    await page.getByRole("link", { name: "Edit" }).click();
    await page.getByLabel("Who it is").fill("A clockmaker.");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("A clockmaker.").waitFor();
    await page.getByRole("button", { name: "New conversation" }).click();
    await rows(page).getByText("“Late again,” Tariq says.").waitFor();
    await page.goBack();
    await page.getByRole("button", { name: "More about this character" }).click();
    await page.getByRole("menuitem", { name: "Delete…" }).click();
    await page.getByText("With the character go all its conversations: 1.").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByRole("heading", { level: 1, name: "Characters" }).waitFor();
    expect((await ask("{ characters { name } }")).characters, [{ name: "Ayla" }]);
    one.check();
    await one.context.close();
  },
  "found, and gone to": async () => {
    const one = await device();
    const page = await one.open();
    await rows(page).first().waitFor();
    await say(page, "the green umbrella");
    await answered(page);
    await page.keyboard.press("Control+k");
    await page.keyboard.type("umbrel");
    await page.locator(".results mark").first().waitFor();
    await page.locator(".results a", { hasText: "You" }).last().click();
    await page.waitForFunction(() => document.activeElement.matches("article") && document.activeElement.innerText.includes("umbrella"));
    one.check();
    await one.context.close();
  },
  "right to left": async () => {
    const one = await device({ width: 360, height: 740 });
    const page = await one.open();
    await rows(page).first().waitFor();
    await say(page, "مرحبا، كيف حالك؟ (hello)");
    await answered(page);
    expect(await rows(page).nth(-2).locator("p").evaluate((element) => getComputedStyle(element).direction), "rtl");
    await page.evaluate(() => (document.documentElement.dir = "rtl"));
    await look(page, "right-to-left");
    await one.context.close();
  },
  "what a model writes stays text": async () => {
    const one = await device();
    const page = await one.open();
    await rows(page).first().waitFor();
    const attack = '<img src=x onerror=complain(1)><script>complain(2)</script>[a](javascript:complain(3)) ![pixel](https://example.com/x.png) <iframe srcdoc="<script>complain(4)</script>">';
    await say(page, attack);
    await answered(page);
    const row = rows(page).nth(-2);
    expect(await row.locator("img, script, iframe, a").count(), 0);
    expect((await row.innerText()).includes("<img src=x onerror=complain(1)>"), true);
    one.check();
    await one.context.close();
  },
  "an input method": async () => {
    const one = await device();
    const page = await one.open();
    await rows(page).first().waitFor();
    const before = await rows(page).count();
    await composer(page).focus();
    const typed = await one.context.newCDPSession(page);
    await typed.send("Input.imeSetComposition", { text: "にほん", selectionStart: 3, selectionEnd: 3 });
    await composer(page).evaluate((area) => area.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", keyCode: 229, bubbles: true })));
    await composer(page).evaluate((area) => area.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true })));
    expect(await rows(page).count(), before);
    await typed.send("Input.insertText", { text: "日本" });
    await page.keyboard.press("Enter");
    await answered(page, before + 2);
    expect((await rows(page).nth(-2).innerText()).includes("日本"), true);
    await one.context.close();
  },
  "by keyboard alone, and what a screen reader is told": async () => {
    const one = await device();
    const page = await one.open();
    await rows(page).first().waitFor();
    const told = await page.evaluate(() => {
      globalThis.told = [];
      const status = document.querySelector(".hidden[role=status]");
      new MutationObserver(() => status.textContent && told.push(status.textContent)).observe(status, { childList: true, characterData: true, subtree: true });
      return document.activeElement.id;
    });
    expect(told, "composer");
    const count = await rows(page).count();
    // Long enough to be seen while it is being written: of a reply that is not, the page tells nothing.
    await page.keyboard.type("write 3000 Hello by keys");
    await page.keyboard.press("Enter");
    await answered(page, count + 2);
    await page.waitForFunction(() => globalThis.told.length > 1);
    const [writing, reply] = await page.evaluate(() => globalThis.told);
    expect([writing, /^Ayla: Line 0 .*Line 124 of a long text\.\s*$/s.test(reply)], ["Ayla is writing.", true]);
    await page.keyboard.press("Control+/");
    await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
    await page.keyboard.press("Escape");
    expect(await page.evaluate(() => document.activeElement.id), "composer");
    await page.keyboard.press("Shift+Tab");
    while (!(await page.evaluate(() => document.activeElement.matches("article")))) await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("ArrowUp");
    expect((await page.evaluate(() => document.activeElement.innerText)).includes("Hello by keys"), true);
    await page.keyboard.press("Enter");
    expect(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), "More about this message");
    await page.keyboard.press("Enter");
    await page.getByRole("menuitem", { name: "Edit" }).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByLabel("Text of the message").waitFor();
    await page.keyboard.press("Escape");
    expect(await page.evaluate(() => document.activeElement.id), "composer");
    // Who goes on before the page has taken a closed dialog away is not brought back.
    await page.keyboard.press("Control+/");
    await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
    await page.evaluate(() => (document.querySelector("dialog").close(), document.querySelector("article").focus()));
    await page.locator("dialog").waitFor({ state: "detached" });
    expect(await page.evaluate(() => document.activeElement.matches("article")), true);
    one.check();
    await one.context.close();
  },
}, 120_000);
