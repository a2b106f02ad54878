import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./load.mjs";

const { followed } = await load("scroller.ts");
const box = (scrollHeight) => ({ scrollTop: 0, scrollHeight, clientHeight: 600 });

test("a short reply is followed to the end", () => {
  assert.equal(followed(box(900), 700), 300);
});

test("a long reply is followed until its first line is at the top", () => {
  assert.equal(followed(box(5000), 700), 684);
});
