import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./load.mjs";

const { fold } = await load("state/fold.ts");
const started = (content) => ({ __typename: "ReplyStarted", content });
const delta = (offset, text) => ({ __typename: "ReplyDelta", offset, delta: text });
const all = (events, text = null) => events.reduce(fold, text);

test("a stream becomes its text", () => {
  assert.equal(all([started(""), delta(0, "It will "), delta(8, "rain.")]), "It will rain.");
});

test("deltas that come twice, or again from the middle, change nothing", () => {
  const events = [delta(0, "It "), delta(3, "will "), delta(8, "rain.")];
  assert.equal(all([started(""), ...events, ...events]), "It will rain.");
  assert.equal(all(events.slice(1), "It will ra"), "It will rain.");
});

test("a snapshot replaces whatever stood there", () => {
  assert.equal(all([started(""), delta(0, "wrong"), { __typename: "ReplySnapshot", content: "right" }, delta(5, "!")]), "right!");
});

test("offsets count as JavaScript counts", () => {
  assert.equal(all([started("🎉"), delta(2, " 🎈"), delta(5, "!")]), "🎉 🎈!");
});

test("the middle of a text that is not known is no text", () => {
  assert.equal(fold(null, delta(5, "middle")), null);
  assert.equal(fold("ab", delta(5, "middle")), null);
  assert.equal(fold(null, delta(0, "begin")), "begin");
});
