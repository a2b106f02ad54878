// How fast the page is, in figures that no test may depend on: node figures.mjs URL CHROMIUM
import { ask } from "../checks.mjs";
import { answered, composer, device, last, rows, say } from "./browser.mjs";

const MESSAGES = 100_000;
const BEGIN = `mutation Begin($history: JSON!, $id: ID!) {
  importConversation(input: { characterId: $id, title: "Long", chatHistory: $history }) { conversation { id } userErrors { message } } }`;
const figures = {};
const round = (value) => Math.round(value * 10) / 10;
const part = (list, share) => round([...list].sort((a, b) => a - b)[Math.floor((list.length - 1) * share)] ?? 0);

{
  const one = await device();
  const sizes = [];
  one.context.on("response", async (response) => sizes.push([response.url().split("/").pop(), (await response.request().sizes()).responseBodySize]));
  const page = await one.open();
  await rows(page).first().waitFor();
  figures["requests to the first message"] = one.asked.filter((request) => !request.url().endsWith(".svg")).length;
  figures["bytes of them, as they come"] = Object.fromEntries(sizes.filter(([name]) => !name.endsWith(".svg")));
  figures["first message, ms after navigation"] = round(await page.evaluate(() => performance.now()));
  await one.context.close();
}
{
  const { characters: [{ id }] } = await ask("{ characters(first: 1) { id } }");
  const history = Array.from({ length: MESSAGES }, (_, place) => ({ role: place % 2 ? "assistant" : "user", content: `Message ${place}. Some words to read.` }));
  const { conversation } = (await ask(BEGIN, { id, history })).importConversation;
  const one = await device();
  const page = await one.open("#/characters");
  await page.getByRole("button", { name: "Talk with Ayla" }).waitFor();
  figures["ms to open a conversation of 100,000 messages"] = round(await page.evaluate(async (open) => {
    const began = performance.now();
    location.hash = `#/c/${open}`;
    while (!document.querySelector("article:last-child")?.textContent.includes("Message 99999.")) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return performance.now() - began;
  }, conversation.id));
  figures["elements then"] = await page.evaluate(() => document.querySelectorAll("*").length);
  await page.mouse.move(700, 300);
  for (let turn = 0; turn < 40; turn += 1) {
    await page.mouse.wheel(0, -900);
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
  figures["elements with all rows that are kept"] = await page.evaluate(() => [document.querySelectorAll("article").length, document.querySelectorAll("*").length]);
  await one.context.close();
}
{
  const one = await device();
  const page = await one.open("#/characters");
  await page.getByRole("button", { name: "Talk with Ayla" }).click();
  await rows(page).first().waitFor();
  for (let turn = 0; turn < 20; turn += 1) {
    await say(page, `warm ${turn}`);
    await answered(page);
  }
  await page.evaluate(() => {
    globalThis.tasks = [];
    globalThis.keys = [];
    globalThis.changed = { growing: 0, others: 0 };
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask" });
    // From when the browser got the key until the frame in which it is shown has been made.
    addEventListener("keydown", ({ timeStamp }) => requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => keys.push(performance.now() - timeStamp);
      port2.postMessage(0);
    }), { capture: true });
    new MutationObserver((list) => {
      for (const { target } of list) {
        const row = (target.nodeType === 1 ? target : target.parentElement)?.closest("article");
        if (row) changed[row.classList.contains("growing") ? "growing" : "others"] += 1;
      }
    }).observe(document.querySelector(".rows"), { subtree: true, childList: true, characterData: true });
  });
  for (let turn = 0; turn < 60; turn += 1) await composer(page).press("b");
  await page.evaluate(() => new Promise((later) => setTimeout(later, 200)));
  const still = await page.evaluate(() => keys.splice(0));
  figures["from key to picture in an idle page, p95 in ms"] = part(still, 0.95);
  await say(page, "write 20000");
  await page.locator(".growing .text p").first().waitFor();
  await page.evaluate(() => (changed.growing = changed.others = 0));
  let typed = 0;
  while (await page.locator(".growing").count()) {
    await composer(page).press("a");
    typed += 1;
  }
  const { tasks, keys, changed } = await page.evaluate(() => ({ tasks, keys, changed }));
  Object.assign(figures, {
    "characters of the reply": (await last(page).locator(".text").innerText()).length,
    "tasks over 50 ms while it came": tasks.length,
    "longest of them, ms": round(Math.max(0, ...tasks)),
    "keys typed meanwhile": typed,
    "from key to picture, median and p95 in ms": [part(keys, 0.5), part(keys, 0.95)],
    "changes of elements: in the reply, in other rows": [changed.growing, changed.others],
  });
  await one.context.close();
}
console.log(JSON.stringify(figures, null, 2));
process.exit(0);
