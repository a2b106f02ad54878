// Where the view stays and goes while text grows and rows come and go: node reading.mjs URL CHROMIUM
import { ask, expect, run } from "../checks.mjs";
import { answered, composer, device, idOf, last, rows, say, visit } from "./browser.mjs";

const BEGIN = `mutation Begin($history: JSON!, $id: ID!) {
  importConversation(input: { characterId: $id, title: "Long", chatHistory: $history }) { conversation { id } userErrors { message } } }`;
const PATH = "query Path($id: ID!) { conversation(id: $id) { messagesConnection(last: 100) { nodes { id content } } } }";

async function long(count) {
  const { characters: [{ id }] } = await ask("{ characters(first: 1) { id } }");
  const history = Array.from({ length: count }, (_, place) => ({ role: place % 2 ? "assistant" : "user", content: `Message ${place}. ${"Some words to read. ".repeat(place % 7)}` }));
  return (await ask(BEGIN, { id, history })).importConversation.conversation.id;
}

const box = (page) => page.locator(".thread");
const frames = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
// Where a row stands in the view, in pixels.
const placeOf = (page, id) => page.evaluate((one) => document.querySelector(`article[data-id="${one}"]`)?.getBoundingClientRect().top, id);
const inView = (page) => page.evaluate(() => {
  const top = document.querySelector(".thread").getBoundingClientRect().top;
  return [...document.querySelectorAll("article")].find((row) => row.getBoundingClientRect().bottom > top + 40).dataset.id;
});
const state = (page) => page.evaluate(() => {
  const { scrollTop, scrollHeight, clientHeight } = document.querySelector(".thread");
  return { top: scrollTop, end: scrollHeight - clientHeight };
});

// Scrolls by the wheel, as people do. Chromium scrolls when its compositor comes to it.
async function wheel(page, by) {
  const { top, end } = await state(page);
  await page.mouse.move(700, 300);
  await page.mouse.wheel(0, by);
  const hasRoom = by < 0 ? top > 0 : end - top >= 1;
  if (hasRoom) await page.waitForFunction((before) => document.querySelector(".thread").scrollTop !== before, top);
  await frames(page);
}

// Returns when the view has stayed where it is for five frames.
const still = (page) => page.evaluate(() => new Promise((done) => {
  const box = document.querySelector(".thread");
  const look = (top, left) => (left ? requestAnimationFrame(() => look(box.scrollTop, box.scrollTop === top ? left - 1 : 5)) : done());
  look(box.scrollTop, 5);
}));

async function atRest(page, act) {
  await still(page);
  const id = await inView(page);
  const before = await placeOf(page, id);
  // Looked at in each frame, so that no jump there and back goes unseen: by an observer of sizes, which is told after
  // the page's own, when what has changed is in its place, and before the frame is painted.
  await page.evaluate((one) => {
    globalThis.seen = [];
    const probe = document.body.appendChild(document.createElement("div"));
    probe.style.position = "fixed";
    probe.style.height = "1px";
    const place = () => document.querySelector(`article[data-id="${one}"]`)?.getBoundingClientRect().top ?? null;
    new ResizeObserver(() => seen.push(place())).observe(probe);
    const look = () => {
      probe.style.width = `${1 + (seen.length % 2)}px`;
      globalThis.watching = requestAnimationFrame(look);
    };
    look();
  }, id);
  await act();
  await frames(page);
  const places = await page.evaluate(() => (cancelAnimationFrame(watching), seen));
  const moved = Math.max(...places.map((place) => (place === null ? Infinity : Math.abs(place - before))));
  if (moved >= 0.5) throw new Error(`the row that is read moved by ${moved} px: ${[...new Set(places)].slice(0, 9)}`);
  return places.length;
}

await run({
  "at the end it stays at the end": () => visit({}, async (page) => {
    await rows(page).first().waitFor();
    for (const count of [3, 5, 7, 9]) {
      await say(page, "some words");
      await answered(page, count);
    }
    const { top, end } = await state(page);
    expect(end - top < 2, true);
  }),
  "a long reply is followed until its first line is at the top": () => visit({ height: 600 }, async (page) => {
    await rows(page).first().waitFor();
    await say(page, "write 8000");
    await answered(page);
    const [top, said] = await page.evaluate(() => [document.querySelector(".thread").getBoundingClientRect().top, [...document.querySelectorAll("article.user")].at(-1).getBoundingClientRect().top]);
    expect(Math.round(said - top), 16);
    const { top: now, end } = await state(page);
    expect(end - now > 1000, true);
    await page.getByRole("button", { name: "To the latest message" }).click();
    await frames(page);
    const after = await state(page);
    expect(after.end - after.top < 2, true);
  }),
  "scrolled up while a reply is written: nothing moves": async () => visit({ height: 600, hash: `#/c/${await long(120)}` }, async (page) => {
    await rows(page).first().waitFor();
    await say(page, "write 6000");
    await page.locator(".growing .text p").nth(5).waitFor();
    await wheel(page, -900);
    await frames(page);
    const looks = await atRest(page, () => page.waitForFunction(() => !document.querySelector(".growing")));
    if (looks < 10) throw new Error(`only ${looks} frames were looked at`);
  }),
  "older rows come above without moving what is read, and the far side goes": async () => visit({ height: 600, hash: `#/c/${await long(400)}` }, async (page) => {
    await rows(page).first().waitFor();
    const counts = new Set();
    for (let turn = 0; turn < 400; turn += 1) {
      await wheel(page, -1500);
      const first = await rows(page).first().innerText();
      counts.add(await rows(page).count());
      if (first.includes("Message 0.")) break;
      if ((await state(page)).top < 600) await page.waitForFunction((text) => document.querySelector("article").innerText !== text, first);
    }
    expect(Math.max(...counts), 150);
    expect((await rows(page).first().innerText()).includes("Message 0."), true);
    for (let turn = 0; turn < 400; turn += 1) {
      await wheel(page, 1500);
      if ((await last(page).innerText()).includes("Message 399.")) break;
    }
    expect(await rows(page).count() <= 150, true);
    await page.getByRole("button", { name: "To the latest message" }).click();
    await last(page).getByText("Message 399.").waitFor();
  }),
  "a page is put above: no pixel of movement": async () => visit({ height: 600, hash: `#/c/${await long(200)}` }, async (page) => {
    await rows(page).first().waitFor();
    const load = page.waitForResponse((response) => response.request().postData()?.includes("query Older"));
    await page.route("**/graphql", async (route) => {
      if (route.request().postData()?.includes("query Older")) await new Promise((later) => setTimeout(later, 1000));
      await route.continue();
    });
    while ((await state(page)).top >= 600) await wheel(page, -700);
    await atRest(page, async () => {
      await load;
      await page.waitForFunction(() => document.querySelectorAll("article").length === 100);
    });
  }),
  "what stands above is edited and deleted elsewhere: what is read stays": async () => visit({ height: 600, hash: `#/c/${await long(60)}` }, async (page) => {
    await rows(page).first().waitFor();
    const { conversation } = await ask(PATH, { id: await idOf(page) });
    const ids = conversation.messagesConnection.nodes.map(({ id }) => id);
    await wheel(page, -500);
    await atRest(page, async () => {
      await ask("mutation ($id: ID!, $text: String!) { editMessage(input: { messageId: $id, content: $text }) { userErrors { message } } }", { id: ids[20], text: "Longer now.\n\n".repeat(40) });
      await page.waitForFunction((id) => document.querySelector(`article[data-id="${id}"]`).innerText.includes("Longer now."), ids[20]);
    });
  }),
  "a link leads to its message, in the middle of a long conversation": async () => {
    const id = await long(300);
    const { conversation } = await ask("query ($id: ID!) { conversation(id: $id) { messagesConnection(first: 100) { nodes { id content } } } }", { id });
    const target = conversation.messagesConnection.nodes[50];
    await visit({ height: 600, hash: `#/c/${id}/${target.id}` }, async (page) => {
      const row = page.locator(`article[data-id="${target.id}"]`);
      await row.waitFor();
      await page.waitForFunction((one) => {
        const { top, bottom } = document.querySelector(`article[data-id="${one}"]`).getBoundingClientRect();
        return top > 0 && bottom < innerHeight;
      }, target.id);
      await say(page, "now at the end");
      await answered(page);
      expect((await rows(page).nth(-2).innerText()).includes("now at the end"), true);
    });
  },
  "the keyboard of a phone takes room": () => visit({ width: 360, height: 740, hasTouch: true, isMobile: true }, async (page) => {
    await rows(page).first().waitFor();
    await composer(page).tap();
    await page.setViewportSize({ width: 360, height: 400 });
    await frames(page);
    const { bottom } = await composer(page).evaluate((element) => element.getBoundingClientRect());
    expect(bottom <= 400, true);
    const { top, end } = await state(page);
    expect(end - top < 2, true);
  }),
  "many messages: few elements, and fast": async () => {
    const id = await long(5000);
    const one = await device();
    const page = await one.open(`#/c/${id}`);
    await last(page).getByText("Message 4999.").waitFor();
    const count = await page.evaluate(() => document.querySelectorAll("*").length);
    expect([count <= 6000, await rows(page).count()], [true, 50]);
    one.check();
    await one.context.close();
  },
}, 120_000);
