// Signs the browser in, for every page of this server: `await signedIn()` before the first request.
const SESSION = "/session";

// What the form asks for, by the ways in that the server names: a label, a kind of field, what the browser may fill in.
const FIELDS = {
  TOKEN: { token: ["Token", "password", "off"] },
  PASSWORD: { name: ["Name", "text", "username"], password: ["Password", "password", "current-password"] },
  SETUP_CODE: { setupCode: ["Setup code", "text", "one-time-code"], newPassword: ["New password", "password", "new-password"] },
};
const HINTS = {
  TOKEN: "The server printed a link with its token when it started. Open that link, or paste the token.",
  PASSWORD: "",
  SETUP_CODE: "Whoever runs this server gave you a code. Choose a password with at least 12 characters.",
};
const SWITCHES = { PASSWORD: "I have a password", SETUP_CODE: "I have a setup code", TOKEN: "I have a token" };

// Resolves with the session once the server knows who is there; shows a form if that needs a person.
let asking;
export function signedIn() {
  return (asking ??= enter().finally(() => (asking = undefined)));
}

export async function signOut() {
  await fetch(SESSION, { method: "DELETE" });
  window.location.reload();
}

// Sends a request, and again after the person has signed in, if the server no longer knows who is there.
export async function fetchSignedIn(...request) {
  const answer = await fetch(...request);
  if (answer.status !== 401) return answer;
  await signedIn();
  return fetch(...request);
}

async function enter() {
  const token = tokenOfAddress();
  if (token) await signIn("TOKEN", { token });
  const session = await (await fetch(SESSION)).json();
  if (session.errors) throw new Error(session.errors[0].message);
  return session.isSignedIn ? session : ask(session);
}

// The part after # is sent to no server. It leaves the address at once, and so the browser's history.
function tokenOfAddress() {
  const token = new URLSearchParams(window.location.hash.slice(1)).get("token");
  if (token) window.history.replaceState(window.history.state, "", window.location.pathname + window.location.search);
  return token;
}

// Returns what is wrong, or nothing.
async function signIn(way, { token, ...given }) {
  const headers = { "content-type": "application/json", ...(way === "TOKEN" && { authorization: `Bearer ${token}` }) };
  const answer = await fetch(SESSION, { method: "POST", headers, body: JSON.stringify({ ...given, cookie: true }) });
  return answer.ok ? undefined : (await answer.json()).errors[0].message;
}

function ask({ ways }) {
  return new Promise((resolve) => {
    const dialog = element("dialog", { className: "sign-in" });
    // Escape would leave a page that can do nothing.
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.addEventListener("close", async () => {
      dialog.remove();
      resolve(await (await fetch(SESSION)).json());
    });
    const show = (way) => dialog.replaceChildren(form(way, ways, show, () => dialog.close()));
    const style = element("link", { rel: "stylesheet", href: "/sign-in/sign-in.css" });
    const open = () => (document.body.append(dialog), show(ways[0]), dialog.showModal());
    style.addEventListener("load", open, { once: true });
    style.addEventListener("error", open, { once: true });
    document.head.append(style);
  });
}

function form(way, ways, show, done) {
  const fields = Object.entries(FIELDS[way]).map(([name, [label, type, autocomplete]]) =>
    element("label", {}, label, element("input", { name, type, autocomplete, required: true, spellcheck: false })),
  );
  const problem = element("p", { className: "problem", role: "alert" });
  const button = element("button", {}, "Sign in");
  const others = ways.filter((other) => other !== way).map((other) => {
    const link = element("button", { type: "button", className: "other" }, SWITCHES[other]);
    link.addEventListener("click", () => show(other));
    return link;
  });
  const whole = element("form", {}, element("h1", {}, "Repartee"), element("p", {}, HINTS[way]), ...fields, problem, button, ...others);
  whole.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    problem.textContent = (await signIn(way, Object.fromEntries(new FormData(whole))).catch(() => "The server cannot be reached.")) ?? "";
    button.disabled = false;
    if (!problem.textContent) done();
  });
  return whole;
}

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter(Boolean));
  return made;
}
