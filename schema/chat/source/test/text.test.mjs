// What models and people write, as elements: nothing that was not made by the page comes out.
import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./load.mjs";

const { Markdown } = await load("text/markdown.tsx");
const { spoken } = await load("text/speech.ts");
const { decoded } = await load("text/entities.ts");

const KNOWN = new Set(["p", "blockquote", "ul", "ol", "li", "input", "div", "table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "span", "button", "pre", "code", "hr", "strong", "em", "del", "br", "a"]);
const ATTRIBUTES = new Set(["children", "class", "dir", "href", "target", "rel", "start", "type", "checked", "disabled", "aria-label", "tabIndex", "role", "data-copy", "key"]);

// Every element that a text becomes.
function* elements(node) {
  if (Array.isArray(node)) for (const one of node) yield* elements(one);
  else if (node && typeof node === "object") {
    const { type, props } = node;
    if (typeof type === "string") {
      yield node;
      yield* elements(props.children);
    } else if (type.prototype?.render) yield* elements(Object.assign(new type(props), { props }).render());
    else yield* elements(type(props));
  }
}
const of = (text) => [...elements(Markdown({ text }))];
const words = (node) => (Array.isArray(node) ? node.map(words).join("") : node && typeof node === "object" ? words(inner(node)) : node === false || node == null ? "" : String(node));
const inner = ({ type, props }) => (typeof type === "string" ? props.children : type.prototype?.render ? Object.assign(new type(props), { props }).render() : type(props));
const shown = (text) => words(Markdown({ text }));

const ATTACKS = [
  "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "text <b onclick=alert(1)>bold</b>", '<iframe srcdoc="<script>alert(1)</script>">',
  "<svg onload=alert(1)>", "<style>*{display:none}</style>", "<a href=javascript:alert(1)>x</a>", "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))",
  "[x](java\tscript:alert(1))", "[x](&#106;avascript:alert(1))", "[x](javascript&colon;alert(1))", "[x](vbscript:msgbox)", "[x](data:text/html,<script>alert(1)</script>)",
  "[x][y]\n\n[y]: javascript:alert(1)", "<javascript:alert(1)>", "![x](https://example.com/beacon.png)", "![x](javascript:alert(1))", '[x](https://example.com "\\" onmouseover=alert(1)")',
  "[x](https://example.com/\"onmouseover=alert(1))", "```html\n<script>alert(1)</script>\n```", "`<img src=x onerror=alert(1)>`", "[x](//evil.example)", "[x](/graphql)", "[x](file:///etc/passwd)",
  "- [ ] <script>alert(1)</script>", "| <img src=x onerror=alert(1)> |\n|---|\n| <script>1</script> |", "<!-- x --><script>alert(1)</script>", "<math><mtext></math><img src=x onerror=alert(1)>", "\u202e<script>",
];

for (const attack of ATTACKS) {
  test(`only known elements: ${JSON.stringify(attack)}`, () => {
    for (const { type, props } of of(attack)) {
      assert.ok(KNOWN.has(type), type);
      assert.deepEqual(Object.keys(props).filter((name) => !ATTRIBUTES.has(name)), []);
      if (type === "a") assert.match(props.href, /^(https?|mailto):/);
    }
  });
}

test("HTML is shown as it was typed", () => {
  assert.equal(shown("<b>not bold</b>"), "<b>not bold</b>");
  assert.equal(shown("a <script>alert(1)</script> b"), "a <script>alert(1)</script> b");
});

test("what is half open stays as it was typed", () => {
  assert.equal(shown("f**k and an open **"), "f**k and an open **");
});

test("character references are read once", () => {
  assert.equal(shown("&lt;b&gt; &amp;amp; &hellip;"), "<b> &amp; …");
  assert.equal(decoded("&#0; &#xD800; &#x41; &nothing;"), "\ufffd \ufffd A &nothing;");
});

test("a list begins where it says", () => {
  assert.equal(of("4. four\n5. five").find(({ type }) => type === "ol").props.start, 4);
});

const speech = (text) => of(text).filter(({ props }) => props.class === "speech").map(words);
const SPOKEN = [
  ["She says “Come in.” and waits.", ["“Come in.”"]],
  ['"Is the *kettle* on?" I ask.', ['"Is the kettle on?"']],
  ["„Guten Abend“, sagt sie. «Bonsoir», dit-elle. 「はい」", ["„Guten Abend“", "«Bonsoir»", "「はい」"]],
  ['A 5" pipe is never closed', []],
  ['"One" and "two"', ['"One"', '"two"']],
  ['*"In italics," she says.*', ['"In italics,"']],
  ["`\"code\"` is no speech", []],
  ['""', []],
];
for (const [text, wanted] of SPOKEN) test(`speech: ${text}`, () => assert.deepEqual(speech(text), wanted));

test("pieces that are not looked at stay whole", () => {
  const inside = { inner: 1 };
  assert.deepEqual(spoken(['a "b', inside, 'c" d']), [
    { isSpeech: false, pieces: ["a "] },
    { isSpeech: true, pieces: ['"b', inside, 'c"'] },
    { isSpeech: false, pieces: [" d"] },
  ]);
});
