// Two users in two browsers: node accounts.mjs URL CHROMIUM NAME PASSWORD NAME SETUP_CODE
import { chromium } from "playwright-core";
import { expect, run, url } from "./checks.mjs";

const [, , , executablePath, name, password, otherName, setupCode] = process.argv;
const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"];
const browser = await chromium.launch({ executablePath, args });
const EDITOR = ".graphiql-query-editor .view-line";

const asked = (page, query) =>
  page.evaluate(async ([url, query]) => {
    const body = JSON.stringify({ query });
    const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
    return answer.json();
  }, [url, query]);

async function opened() {
  const page = await (await browser.newContext()).newPage();
  await page.goto(url);
  await page.waitForSelector(".sign-in");
  return page;
}

let one, other;

async function aPasswordSignsIn() {
  one = await opened();
  const fill = async (value) => {
    await one.fill(".sign-in input[name=name]", name);
    await one.fill(".sign-in input[name=password]", value);
    await one.click(".sign-in button");
  };
  await fill(`${password}!`);
  await one.waitForSelector(".sign-in .problem:not(:empty)");
  await fill(password);
  await one.waitForSelector(EDITOR);
  expect((await asked(one, "{ viewer { user { name } } }")).data.viewer.user.name, name);
}

async function aSetupCodeSignsIn() {
  other = await opened();
  await other.click("text=I have a setup code");
  await other.fill(".sign-in input[name=setupCode]", setupCode.toLowerCase());
  await other.fill(".sign-in input[name=newPassword]", "too short");
  await other.click(".sign-in button");
  await other.waitForSelector(".sign-in .problem:not(:empty)");
  await other.fill(".sign-in input[name=newPassword]", "a long password of theirs");
  await other.click(".sign-in button");
  await other.waitForSelector(EDITOR);
  expect((await asked(other, "{ viewer { user { name } } }")).data.viewer.user.name, otherName);
}

async function eachSeesItsOwn() {
  await asked(one, 'mutation { createCharacter(input: {name: "Of one"}) { character { id } } }');
  await asked(other, 'mutation { createCharacter(input: {name: "Of the other"}) { character { id } } }');
  const names = async (page) => (await asked(page, "{ characters { name } }")).data.characters.map(({ name }) => name);
  expect([await names(one), await names(other)], [["Ayla", "Of one"], ["Ayla", "Of the other"]]);
}

async function aRevokedSessionEndsWhatItWatches() {
  const closed = one.evaluate(
    (url) =>
      new Promise((resolve) => {
        const socket = new WebSocket(url.replace("http", "ws"), "graphql-transport-ws");
        socket.onopen = () => socket.send('{"type": "connection_init"}');
        socket.onclose = ({ code }) => resolve(code);
        socket.onmessage = ({ data }) => JSON.parse(data).type === "connection_ack" && (window.acknowledged = true);
      }),
    url,
  );
  await one.waitForFunction(() => window.acknowledged);
  const { credentials } = (await asked(one, "{ viewer { credentials { id isCurrent } } }")).data.viewer;
  const { id } = credentials.find(({ isCurrent }) => isCurrent);
  await asked(one, `mutation { revokeCredential(input: {credentialId: "${id}"}) { userErrors { code } } }`);
  expect(await closed, 4403);
  expect((await asked(one, "{ __typename }")).errors[0].extensions.code, "UNAUTHENTICATED");
  await one.reload();
  await one.waitForSelector(".sign-in");
  expect((await asked(other, "{ __typename }")).data, { __typename: "Query" });
}

await run({ password: aPasswordSignsIn, "setup code": aSetupCodeSignsIn, apart: eachSeesItsOwn, revoked: aRevokedSessionEndsWhatItWatches });
