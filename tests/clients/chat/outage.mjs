// What a person sees and what is stored when things break: node outage.mjs URL CHROMIUM PYTHON FOLDER
import { spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { ask, expect, run } from "../checks.mjs";
import { answered, choose, composer, device, editElsewhere, flat, idOf, last, origin, rows, say, textOf } from "./browser.mjs";

const [, , , , python, folder] = process.argv;
const PATH = "query Path($id: ID!) { conversation(id: $id) { messages(last: 100) { role content status } } }";
const stored = async (page) => (await ask(PATH, { id: await idOf(page) })).conversation.messages;
const grows = (page, length = 50) =>
  page.waitForFunction((wanted) => document.querySelector(".growing .text")?.textContent.length > wanted, length);

// The address of a conversation of its own, so that no test meets what another one says.
async function fresh() {
  const { characters: [{ id }] } = await ask("{ characters(first: 1) { id } }");
  const begun = await ask("mutation ($id: ID!) { createConversation(input: { characterId: $id }) { conversation { id } } }", { id });
  return `#/c/${begun.createConversation.conversation.id}`;
}

async function opened(options = {}) {
  const one = await device(options);
  const page = await one.open(await fresh());
  await rows(page).first().waitFor();
  return { page, one };
}

async function isWhole(page, count) {
  await answered(page, count);
  const messages = await stored(page);
  expect([messages.length, messages.at(-1).status], [count, "COMPLETED"]);
  expect(flat(await textOf(last(page))), flat(messages.at(-1).content));
}

// A server of its own, to be killed.
async function server(port = 0) {
  const env = { ...process.env, REPARTEE_DATABASE_URL: `sqlite+aiosqlite:///${folder}/outage.db`, REPARTEE_ENGINE: "builtin", REPARTEE_BUILTIN_PACE: "100", REPARTEE_PORT: String(port) };
  const child = spawn(python, ["app.py"], { env, stdio: ["ignore", "pipe", "ignore"] });
  let said = "";
  await new Promise((isUp) => child.stdout.on("data", (part) => /open +http.*\n/.test((said += part)) && isUp()));
  return { address: said.match(/http:\S+/)[0], kill: () => (child.kill("SIGKILL"), once(child, "exit")) };
}

// The page asks for a sign of life every ten seconds and waits five, so this begins before the others.
async function sleep() {
  const sockets = new Set();
  const port = new URL(origin).port;
  const relay = net.createServer((near) => {
    const far = net.connect(port, "127.0.0.1");
    const pair = { near, far };
    sockets.add(pair);
    near.on("data", (data) => far.write(data)).on("error", () => far.destroy()).on("close", () => far.destroy());
    far.on("data", (data) => pair.isDead || near.write(data)).on("error", () => near.destroy()).on("close", () => pair.isDead || near.destroy());
  }).listen(0, "127.0.0.1");
  await once(relay, "listening");
  const one = await device({ isRough: true });
  const page = await one.context.newPage();
  await page.goto(`http://127.0.0.1:${relay.address().port}/${await fresh()}`);
  await rows(page).first().waitFor();
  await say(page, "write 20000");
  await grows(page);
  const frozen = [...sockets];
  frozen.forEach((pair) => (pair.isDead = true));
  await page.waitForFunction(() => !document.querySelector(".growing"), null, { timeout: 25_000 });
  expect(flat(await textOf(last(page))), flat((await stored(page)).at(-1).content));
  await one.context.close();
  frozen.forEach(({ near, far }) => (near.destroy(), far.destroy()));
  relay.close();
}
const asleep = sleep();
asleep.catch(() => {});

await run({
  "a reload in the middle of a reply": async () => {
    const { page, one } = await opened();
    await say(page, "write 6000");
    await grows(page);
    await page.reload();
    await grows(page);
    await isWhole(page, 3);
    one.check();
    await one.context.close();
  },
  "offline: what is written waits, survives a reload and arrives once": async () => {
    const { page, one } = await opened({ isRough: true });
    const before = (await stored(page)).length;
    await one.context.setOffline(true);
    await say(page, "into the dark");
    await page.getByText("Will be sent when the server is there.").waitFor();
    expect((await stored(page)).length, before);
    await one.context.setOffline(false);
    await page.reload();
    await isWhole(page, before + 2);
    expect((await stored(page)).filter(({ content }) => content === "into the dark").length, 1);
    await one.context.close();
  },
  "an answer that is lost: the same key is sent again": async () => {
    const { page, one } = await opened({ isRough: true });
    const before = (await stored(page)).length;
    const keys = [];
    const isLost = new Promise((lost) => page.route("**/graphql", async (route) => {
      const asked = route.request().postData() ?? "";
      if (asked.includes("sendMessage")) keys.push(JSON.parse(asked).variables.key);
      if (!asked.includes("sendMessage") || keys.length > 1) return route.continue();
      await route.fetch();
      await route.abort();
      lost();
    }));
    await say(page, "only once");
    await isLost;
    await page.reload();
    await isWhole(page, before + 2);
    expect([keys.length > 1, new Set(keys).size], [true, 1]);
    expect((await stored(page)).filter(({ content }) => content === "only once").length, 1);
    await one.context.close();
  },
  "taken back while it waits": async () => {
    const { page, one } = await opened({ isRough: true });
    const before = await rows(page).count();
    await one.context.setOffline(true);
    await say(page, "better not");
    await page.getByRole("button", { name: "Take back" }).click();
    expect([await composer(page).inputValue(), await rows(page).count()], ["better not", before]);
    await one.context.close();
  },
  "an edit that was overtaken is kept when the server goes away then": async () => {
    const { page, one } = await opened({ isRough: true });
    const id = await last(page).getAttribute("data-id");
    await choose(page, last(page), "Edit");
    await page.getByLabel("Text of the message").fill("mine");
    let isAway = true;
    await page.route("**/graphql", async (route) => {
      const asked = isAway ? (route.request().postData() ?? "") : "";
      if (asked.includes("query Standing")) return route.abort();
      if (asked.includes("mutation Edit")) await editElsewhere(id, "theirs");
      return route.continue();
    });
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByRole("alert").getByText("The server does not answer.").waitFor();
    isAway = false;
    await page.locator(".conflict").getByText("theirs").waitFor();
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.locator(".editor").waitFor({ state: "detached" });
    expect((await stored(page)).at(-1).content, "mine");
    one.check();
    await one.context.close();
  },
  "drafts stay with their conversation": async () => {
    const { page, one } = await opened();
    await composer(page).fill("half a thought");
    await page.getByRole("link", { name: "New conversation", exact: true }).click();
    await page.getByRole("button", { name: "Talk with Ayla" }).click();
    await page.waitForFunction(() => document.querySelector("#composer")?.value === "");
    await page.goBack();
    await page.goBack();
    await page.waitForFunction(() => document.querySelector("#composer")?.value === "half a thought");
    await page.reload();
    await page.waitForFunction(() => document.querySelector("#composer")?.value === "half a thought");
    one.check();
    await one.context.close();
  },
  "the server is killed in the middle of a reply": async () => {
    const first = await server();
    const one = await device({ isRough: true });
    const page = await one.context.newPage();
    await page.goto(first.address);
    await rows(page).first().waitFor();
    await page.getByText("No language model is connected").waitFor();
    await page.getByRole("button", { name: "Connect a model" }).click();
    await page.getByText("REPARTEE_ENGINE_URL=").waitFor();
    await page.keyboard.press("Escape");
    await say(page, "Tell me about the storm.");
    // A server stores the text of running replies every second, so this one has something to lose.
    await grows(page, 120);
    await first.kill();
    await page.getByText("Reconnecting. What you write is kept.").waitFor();
    await say(page, "Are you there?");
    await page.getByText("Will be sent when the server is there.").waitFor();
    const second = await server(new URL(first.address).port);
    await answered(page, 5);
    expect(await page.getByText("Reconnecting").count(), 0);
    const [, , reply, said] = (await (await fetch(`${second.address}graphql`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ query: PATH, variables: { id: await idOf(page) } }) })).json()).data.conversation.messages;
    expect([reply.status, said.content], ["INTERRUPTED", "Are you there?"]);
    if (reply.content.length < 20) throw new Error("the text written until then is lost");
    await second.kill();
    await one.context.close();
  },
  "a connection that is dead but open": () => asleep,
}, 120_000);
