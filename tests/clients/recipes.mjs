// The recipes of schema/README.md, while a server dies: each must end with the text that is stored, as `ending` says, and
// stop where nothing can come any more.
import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { ask, expect, socketUrl, url } from "./checks.mjs";

globalThis.WebSocket ??= WebSocket;
const [, , , id, after, recipes, ending] = process.argv;
const { WATCH, watch, watchWithApollo, watchWithUrql, isPermanent } = await import(recipes);
const GONE = "conv_00000000000000000000000000000000";

// Fold events as the README says; `begun` is called with the first text.
function folding(resolve, begun = () => {}) {
  const seen = { text: "", last: null };
  return {
    onEvent(event) {
      if ("delta" in event) seen.text = seen.text.slice(0, event.offset) + event.delta;
      else if ("content" in event) seen.text = event.content;
      seen.last = event;
      if (seen.text) begun();
    },
    onDone: () => resolve(seen),
    onError: (problem) => resolve({ problem }),
  };
}

const apollo = new ApolloClient({ link: new HttpLink({ uri: url }), cache: new InMemoryCache() });
const forwardSubscription = (request) => ({
  subscribe: (sink) => ({ unsubscribe: urqlSockets.subscribe({ ...request, query: request.query ?? "" }, sink) }),
});
const urqlSockets = createClient({ url: socketUrl(url), retryAttempts: 0 });
const urql = new Client({ url, exchanges: [subscriptionExchange({ forwardSubscription }), fetchExchange] });

const clients = {
  "graphql-ws": (id, after, handlers) => watch(socketUrl(url), id, after, handlers),
  "apollo": (id, after, handlers) => watchWithApollo(apollo, gql(WATCH), id, after, handlers),
  "urql": (id, after, handlers) => watchWithUrql(urql, WATCH, id, after, handlers),
};
const within = (seconds, promise) =>
  Promise.race([promise, new Promise((resolve) => setTimeout(resolve, 1000 * seconds, { problem: "it never stops" }))]);

// Each stops at once where there is nothing to watch.
const refused = {};
for (const [name, start] of Object.entries(clients)) {
  const { problem } = await within(10, new Promise((resolve) => start(GONE, null, folding(resolve))));
  refused[name] = problem && isPermanent(problem);
}

let begun = 0;
const endings = Object.entries(clients).map(async ([name, start]) => {
  let first = true;
  const seen = await new Promise((resolve) =>
    start(id, after, folding(resolve, () => {
      if (first && ++begun === 3) console.log("all have begun");
      first = false;
    })),
  );
  return [name, seen];
});
for (const [name, seen] of await Promise.all(endings)) {
  let problem = null;
  try {
    const { content } = (await ask(`{ conversation(id: "${id}") { lastMessage { content } } }`)).conversation.lastMessage;
    expect(refused[name], true);
    expect(seen.text, content);
    expect(seen.last.failure?.code ?? seen.last.__typename, ending);
  } catch (error) {
    problem = String(error);
  }
  console.log(JSON.stringify({ name, problem }));
}
process.exit(0);
