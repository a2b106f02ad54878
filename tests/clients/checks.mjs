// What every client is asked to do, and how it is told. Each script takes the address of a running server.
import net from "node:net";

export const url = process.argv[2];

export const QUERY = "query Here { characters(first: 1, orderBy: NAME_ASC) { id name } }";
export const BROKEN = "query Broken { characters(first: 101) { id } }";
export const MUTATION = `mutation Send($id: ID!, $content: String!) {
  sendMessage(input: { conversationId: $id, content: $content, replyMode: BACKGROUND }) {
    streamCursor reply { id } userErrors { code } } }`;
export const SUBSCRIPTION = `subscription Watch($id: ID!, $after: String) {
  replyStream(conversationId: $id, after: $after, untilDone: true) {
    __typename cursor messageId
    ... on ReplyStarted { content } ... on ReplyDelta { offset delta } ... on ReplySnapshot { content } } }`;
const BEGIN = `mutation Begin { createCharacter(input: { name: "Ada" }) { character { id } } }`;
const OPEN = `mutation Open($id: ID!) { createConversation(input: { characterId: $id }) { conversation { id } } }`;
const TEXT = "query Text($id: ID!) { message(id: $id) { content status } }";

// Ask without any client.
export async function ask(query, variables) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

export async function conversation() {
  const { createCharacter } = await ask(BEGIN);
  const { createConversation } = await ask(OPEN, { id: createCharacter.character.id });
  return createConversation.conversation.id;
}

// Let the character begin to speak; `after` is where to watch from.
export async function speak() {
  const id = await conversation();
  const { sendMessage } = await ask(MUTATION, { id, content: "Tell me something, and take your time." });
  return { id, after: sendMessage.streamCursor, reply: sendMessage.reply.id };
}

// Puts a reply together as the README tells clients to.
export class Reply {
  text = "";
  cursor = null;
  events = 0;
  take(event) {
    this.events += 1;
    this.cursor = event.cursor;
    if (event.__typename === "ReplyDelta") this.text = this.text.slice(0, event.offset) + event.delta;
    if ("content" in event) this.text = event.content;
    this.done = event.__typename === "ReplyFinished";
  }
  async mustBeWhole(message) {
    const stored = (await ask(TEXT, { id: message })).message;
    expect(this.done, true);
    expect(stored.status, "COMPLETED");
    expect(this.text, stored.content);
    if (this.events < 4) throw new Error(`only ${this.events} events: nothing was streamed`);
  }
}

// A way to the server that can be cut.
export async function cuttable() {
  const { hostname, port } = new URL(url);
  const sockets = new Set();
  const server = net.createServer((near) => {
    const far = net.connect(port, hostname);
    for (const [one, other] of [[near, far], [far, near]]) {
      sockets.add(one);
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => (sockets.delete(one), other.destroy()));
    }
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: url.replace(`:${port}`, `:${server.address().port}`),
    cut: () => sockets.forEach((socket) => socket.destroy()),
    close: () => (sockets.forEach((socket) => socket.destroy()), server.close()),
  };
}

export const socketUrl = (address) => address.replace("http", "ws");

export function expect(actual, wanted) {
  if (JSON.stringify(actual) !== JSON.stringify(wanted)) {
    throw new Error(`${JSON.stringify(actual)} is not ${JSON.stringify(wanted)}`);
  }
}

// Run each check and say how it went, one line of JSON for each.
export async function run(checks, patience = 30_000) {
  for (const [name, check] of Object.entries(checks)) {
    const late = new Promise((_, reject) => setTimeout(reject, patience, new Error(`no end after ${patience / 1000} seconds`)));
    let problem = null;
    try {
      await Promise.race([check(), late]);
    } catch (error) {
      problem = String(error?.stack ?? JSON.stringify(error)).slice(0, 6000);
    }
    console.log(JSON.stringify({ name, problem }));
  }
  process.exit(0);
}
