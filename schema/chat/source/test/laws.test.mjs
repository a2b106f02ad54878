// Which module may know which: views know state, state knows the API, and text and scroller know none of them.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

const root = fileURLToPath(new URL("../src/", import.meta.url));
const files = readdirSync(root, { recursive: true }).filter((name) => /\.tsx?$/.test(name) && !name.endsWith(".d.ts"));
const text = (name) => readFileSync(root + name, "utf8");
const known = (name) => [...text(name).matchAll(/from "(\.[^"]+)"/g)].map(([, path]) => new URL(path, `file:///${name}`).pathname.slice(1).split("/")[0]);
const NEVER = { api: ["state", "views", "text"], state: ["views", "text"], text: ["api", "state", "views"], "scroller.ts": ["api", "state", "views"] };

for (const [folder, others] of Object.entries(NEVER)) {
  test(`${folder} knows none of ${others}`, () => {
    const here = files.filter((name) => name.split("/")[0] === folder);
    assert.ok(here.length);
    assert.deepEqual(here.filter((name) => known(name).some((one) => others.includes(one))), []);
  });
}

test("no module is longer than 300 lines", () => {
  assert.deepEqual(files.filter((name) => text(name).split("\n").length > 301), []);
});

test("no module writes HTML or styles in markup", () => {
  assert.deepEqual(files.filter((name) => /innerHTML|dangerouslySetInnerHTML|insertAdjacentHTML|style=/.test(text(name))), []);
});
