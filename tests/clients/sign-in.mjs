// Signing in, in a browser: node sign-in.mjs URL CHROMIUM TOKEN. Then what pages of other sites can do meanwhile.
import { createServer } from "node:http";
import { chromium } from "playwright-core";
import { expect, run, url } from "./checks.mjs";

const [, , , executablePath, token] = process.argv;
const { port } = new URL(url);
const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"];
const browser = await chromium.launch({ executablePath, args });
const EDITOR = ".graphiql-query-editor .view-line";

const names = (page) =>
  page.evaluate(async (url) => {
    const body = JSON.stringify({ query: "{ characters { name } }" });
    const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
    return { status: answer.status, names: (await answer.json()).data?.characters.map(({ name }) => name) };
  }, url);

async function opened(address) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const violations = [];
  await page.exposeFunction("violated", (what) => violations.push(what));
  await page.addInitScript(() => document.addEventListener("securitypolicyviolation", (event) => violated(`${event.violatedDirective} ${event.blockedURI}`)));
  await page.goto(address);
  return { context, page, violations };
}

async function theLinkSignsIn() {
  const { context, page, violations } = await opened(`${url}#token=${token}`);
  await page.waitForSelector(EDITOR);
  expect(page.url(), url);
  expect((await names(page)).status, 200);
  const [cookie] = await context.cookies();
  expect([cookie.httpOnly, cookie.sameSite, cookie.value === token], [true, "Strict", false]);
  expect(await page.evaluate(() => [document.cookie, JSON.stringify({ ...localStorage, ...sessionStorage })].join().includes("repartee_")), false);
  await page.goto(url);
  await page.waitForSelector(EDITOR);
  await page.click('[aria-label="Sign out"]');
  await page.waitForSelector(".sign-in");
  expect((await names(page)).status, 401);
  expect(violations, []);
}

async function theFormSignsIn() {
  const { page, violations } = await opened(url);
  await page.fill(".sign-in input[name=token]", "wrong");
  await page.click(".sign-in button");
  await page.waitForSelector(".sign-in .problem:not(:empty)");
  await page.fill(".sign-in input[name=token]", token);
  await page.keyboard.press("Enter");
  await page.waitForSelector(EDITOR);
  expect((await names(page)).status, 200);
  expect(violations, []);
}

// Everything a page can try on a server of which its browser has the cookie; returns what it could read.
const attack = (url) => {
  const mutation = JSON.stringify({ query: 'mutation { createCharacter(input: {name: "Hostile"}) { character { id } } }' });
  const query = `${url}?query=${encodeURIComponent("{ characters { name } }")}`;
  const session = new URL("/session", url).href;
  const read = async (address, options) => {
    try {
      const answer = await fetch(address, { credentials: "include", ...options });
      return answer.type === "opaque" ? null : `${address} ${answer.status} ${await answer.text()}`;
    } catch {
      return null;
    }
  };
  const JSON_TYPE = { "content-type": "application/json" };
  const overSocket = () =>
    new Promise((resolve) => {
      const socket = new WebSocket(url.replace("http", "ws"), "graphql-transport-ws");
      socket.onopen = () => socket.send('{"type": "connection_init"}');
      socket.onmessage = ({ data }) => resolve(data);
      socket.onclose = socket.onerror = () => resolve(null);
    });
  const overEvents = () =>
    new Promise((resolve) => {
      const source = new EventSource(query, { withCredentials: true });
      source.addEventListener("next", ({ data }) => resolve(data));
      source.onerror = () => (source.close(), resolve(null));
    });
  const overForm = (enctype) =>
    new Promise((resolve) => {
      const frame = Object.assign(document.createElement("iframe"), { name: `frame${Math.random()}`, onload: () => resolve(null) });
      const form = Object.assign(document.createElement("form"), { action: url, method: "POST", target: frame.name, enctype });
      const field = Object.assign(document.createElement("input"), { name: mutation.slice(0, -1) + ', "x": "', value: '"}' });
      form.append(field);
      document.body.append(frame, form);
      form.submit();
    });
  const overImage = () =>
    new Promise((resolve) => {
      const image = new Image();
      image.onload = () => resolve("an image");
      image.onerror = () => resolve(null);
      image.src = query;
    });
  return Promise.all([
    ...["cors", "no-cors"].flatMap((mode) => [
      read(query, { mode }),
      read(session, { mode }),
      read(url, { mode, method: "POST", body: mutation }),
      read(session, { mode, method: "POST", body: '{"cookie": true}' }),
    ]),
    read(url, { method: "POST", headers: JSON_TYPE, body: mutation }),
    read(session, { method: "POST", headers: JSON_TYPE, body: '{"cookie": true}' }),
    read(session, { method: "DELETE" }),
    overSocket(),
    overEvents(),
    overImage(),
    overForm("text/plain"),
    overForm("application/x-www-form-urlencoded"),
    overForm("multipart/form-data"),
  ]);
};

async function hostilePagesGetNothing() {
  const hostile = createServer((_, answer) => answer.setHeader("content-type", "text/html").end("<!doctype html><body>")).listen(0);
  const { context, page } = await opened(`${url}#token=${token}`);
  await page.waitForSelector(EDITOR);
  const before = await names(page);
  for (const host of ["127.0.0.1", "localhost"]) {
    const other = await context.newPage();
    await other.goto(`http://${host}:${hostile.address().port}/`);
    const got = await other.evaluate(attack, url);
    expect(got.length, 17);
    expect(got.filter((one) => one !== null), []);
  }
  expect(await names(page), before);
  expect(before.status, 200);
  // The same from a page of the server itself gets through, or the attack would prove nothing.
  const own = await page.evaluate(attack, url);
  expect(own.filter((one) => one !== null).length > 6, true);
  hostile.close();
}

expect(port !== "", true);
await run({ link: theLinkSignsIn, form: theFormSignsIn, hostile: hostilePagesGetNothing });
