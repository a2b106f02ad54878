// Opens the chat page as people do, and notes everything that it should not do.
import { chromium } from "playwright-core";
import { ask, url } from "../checks.mjs";

export const { origin } = new URL(url);
const closed = ["--host-resolver-rules=MAP sofa.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--disable-background-networking"];
const args = [...closed, "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.argv[3], args });

// A browser window of a device of its own. `isRough`: what fails for want of a server is no complaint.
export async function device({ width = 1280, height = 800, isRough = false, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, reducedMotion: "reduce", ...options });
  const complaints = [];
  const asked = [];
  const heard = [];
  await context.exposeFunction("complain", (what) => complaints.push(what));
  await context.addInitScript(() =>
    document.addEventListener("securitypolicyviolation", (event) => complain(`${event.violatedDirective} ${event.blockedURI}`)),
  );
  context.on("request", (request) => asked.push(request));
  context.on("requestfinished", (request) => heard.push(request.postData()?.slice(0, 40)));
  context.on("page", (page) => page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => heard.push(String(payload).slice(0, 200)))));
  context.on("weberror", (error) => complaints.push(String(error.error().stack)));
  context.on("console", (message) => {
    const isOfNetwork = /net::|WebSocket|Failed to load resource/.test(message.text());
    if (["error", "warning"].includes(message.type()) && !(isRough && isOfNetwork)) complaints.push(message.text());
  });
  const check = () => {
    const foreign = asked.map((request) => request.url()).filter((address) => new URL(address).origin !== origin && !address.startsWith("data:"));
    if (complaints.length + foreign.length) throw new Error(`complaints: ${[...complaints, ...foreign].join("\n")}`);
  };
  return { context, asked, heard, complaints, check, open: (hash = "") => open(context, hash) };
}

async function open(context, hash) {
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  await page.goto(`${origin}/${hash}`);
  return page;
}

// A visit by one window, which is checked for complaints at its end.
export async function visit(options, act) {
  const one = await device(options);
  const page = await one.open(options.hash);
  await act(page, one);
  one.check();
  await one.context.close();
}

export const rows = (page) => page.locator("article");
export const last = (page) => rows(page).last();
// Without the marks of Markdown, which become shapes.
export const flat = (text) => text.replaceAll("*", "").trim().replace(/\s+/g, " ");
export const textOf = (row) => row.locator(".text").innerText();
export const composer = (page) => page.locator("#composer");

export async function say(page, text) {
  await composer(page).fill(text);
  await composer(page).press("Enter");
}

// Waits until no reply is being written, and the last row is one of the character.
export async function answered(page, count = null) {
  await page.waitForFunction(
    (wanted) => {
      const all = document.querySelectorAll("article");
      const row = all[all.length - 1];
      return row?.classList.contains("assistant") && !document.querySelector(".growing") && (wanted === null || all.length === wanted);
    },
    count,
  );
}

export const choose = async (page, row, label) => {
  await row.getByRole("button", { name: "More about this message" }).click();
  await page.getByRole("menuitem", { name: label }).click();
};
export const chooseOfAll = async (page, label) => {
  await page.getByRole("button", { name: "More about this conversation" }).click();
  await page.getByRole("menuitem", { name: label }).click();
};
export const idOf = (page) => page.evaluate(() => location.hash.split("/")[2]);
// Changes a message as somebody else would.
export const editElsewhere = (id, content) =>
  ask("mutation ($id: ID!, $content: String!) { editMessage(input: { messageId: $id, content: $content }) { userErrors { message } } }", { id, content });
