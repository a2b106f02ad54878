// The playground in a browser that can reach nothing but the server: node playground.mjs URL CHROMIUM [FOLDER FOR PICTURES]
import { chromium } from "playwright-core";
import { expect, run, url } from "./checks.mjs";

const [, , , executablePath, pictures] = process.argv;
const { origin } = new URL(url);
const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"];
const browser = await chromium.launch({ executablePath, args });

const model = (page, name) =>
  page.evaluate((file) => globalThis.__MONACO.editor.getModels().find((one) => one.uri.path.endsWith(file)).getValue(), name);

async function until(condition) {
  for (let turn = 0; turn < 200; turn++) {
    if (await condition()) return;
    await new Promise((later) => setTimeout(later, 50));
  }
  throw new Error(`never: ${condition}`);
}

async function visit(colorScheme) {
  const page = await (await browser.newContext({ colorScheme, viewport: { width: 1280, height: 800 } })).newPage();
  const asked = [];
  const complaints = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("websocket", (socket) => asked.push(socket.url()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("requestfailed", (request) => complaints.push(`failed: ${request.url()}`));
  await page.exposeFunction("violated", (what) => complaints.push(what));
  await page.addInitScript(() => document.addEventListener("securitypolicyviolation", (event) => violated(`${event.violatedDirective} ${event.blockedURI}`)));
  await page.goto(url);
  await page.waitForSelector(".graphiql-query-editor .view-line");
  const answer = async () => JSON.parse((await model(page, "response.json")) || "{}");
  // Right after a change of tabs GraphiQL may still send the other tab's operation name; a person presses again.
  const execute = async (done) => {
    let result;
    do {
      await page.click(".graphiql-execute-button");
      await until(async () => done((result = await answer())) || result.errors);
    } while (result.errors?.[0].extensions.code === "OPERATION_RESOLUTION_FAILURE");
  };
  const tab = (place) => page.click(`.graphiql-tab-button >> nth=${place}`);
  const picture = (name) => pictures && page.screenshot({ path: `${pictures}/${colorScheme}-${name}.png` });

  await execute(({ data }) => data?.characters);
  expect((await answer()).data.characters[0].conversations.length > 0, true);
  await picture("first-look");
  await tab(1);
  await until(async () => JSON.parse((await model(page, "variables.json")) || "{}").content);
  await execute(({ data }) => data?.sendMessage);
  expect((await answer()).data.sendMessage.userErrors, []);
  await picture("talk");
  await tab(2);
  await until(async () => JSON.parse((await model(page, "variables.json")) || "{}").after);
  const lengths = new Set();
  await execute(({ data }) => {
    const event = data?.replyStream;
    if (event) lengths.add(event.message.content.length);
    return event?.__typename === "ReplyFinished";
  });
  if (lengths.size < 3) throw new Error(`the reply came in ${lengths.size} parts`);
  await picture("watch");
  expect(asked.filter((address) => new URL(address).host !== new URL(origin).host), []);
  expect(asked.some((address) => address.startsWith("ws")), true);
  expect(complaints, []);
  if (pictures) console.error([...new Set(asked)].join("\n"));
}

await run({ light: () => visit("light"), dark: () => visit("dark") });
