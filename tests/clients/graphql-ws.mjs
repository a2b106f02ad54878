import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { BROKEN, MUTATION, QUERY, Reply, SUBSCRIPTION, conversation, cuttable, expect, run, socketUrl, speak, url } from "./checks.mjs";

const connect = (address, options = {}) =>
  createClient({ url: socketUrl(address), webSocketImpl: WebSocket, lazy: true, ...options });
const client = connect(url);
const one = (payload) =>
  new Promise((next, error) => {
    let result;
    client.subscribe(payload, { next: (value) => (result = value), error, complete: () => next(result) });
  });

async function watch(from, { id, after, reply }, onEvent = () => {}) {
  const seen = new Reply();
  const payload = { query: SUBSCRIPTION, variables: { id, after } };
  await new Promise((complete, error) => {
    from.subscribe(payload, {
      next: ({ data, errors }) => {
        if (errors) return error(errors);
        seen.take(data.replyStream);
        // After a silent reconnect the client sends this again.
        payload.variables.after = seen.cursor;
        onEvent(seen);
      },
      error,
      complete,
    });
  });
  await seen.mustBeWhole(reply);
}

await run({
  query: async () => expect((await one({ query: QUERY })).data.characters.length <= 1, true),
  mutation: async () => {
    const id = await conversation();
    const { data } = await one({ query: MUTATION, variables: { id, content: "Hello" } });
    expect(data.sendMessage.userErrors, []);
  },
  subscription: async () => watch(client, await speak()),
  error: async () => {
    const { errors } = await one({ query: BROKEN });
    expect(errors[0].extensions.code, "BAD_USER_INPUT");
    const refused = await one({ query: "{ nothing }" }).catch((error) => error);
    expect(refused[0].extensions.code, "GRAPHQL_VALIDATION_FAILED");
    expect((await one({ query: QUERY })).errors, undefined);
  },
  reconnect: async () => {
    const way = await cuttable();
    let connections = 0;
    const flaky = connect(way.url, { retryAttempts: 5, shouldRetry: () => true, on: { connected: () => (connections += 1) } });
    await watch(flaky, await speak(), ({ events }) => events === 3 && way.cut());
    expect(connections, 2);
    way.close();
  },
});
