import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { BROKEN, MUTATION, QUERY, Reply, SUBSCRIPTION, conversation, cuttable, expect, run, socketUrl, speak, url } from "./checks.mjs";

const overHttp = (address) => new Client({ url: address, exchanges: [fetchExchange], fetchSubscriptions: true, preferGetMethod: false });

function overSockets(address) {
  const sockets = createClient({ url: socketUrl(address), webSocketImpl: WebSocket, retryAttempts: 5, shouldRetry: () => true });
  const forwardSubscription = (request) => ({
    subscribe: (sink) => ({ unsubscribe: sockets.subscribe({ ...request, query: request.query ?? "" }, sink) }),
  });
  return new Client({
    url: address,
    preferGetMethod: false,
    exchanges: [subscriptionExchange({ enableAllOperations: true, forwardSubscription })],
  });
}

// Resolves with the error when the stream breaks off.
function watch(client, { id, after }, seen, onEvent = () => {}) {
  return new Promise((resolve) => {
    client.subscription(SUBSCRIPTION, { id, after }).subscribe(({ data, error }) => {
      if (error) return resolve(error);
      seen.take(data.replyStream);
      onEvent(seen);
      if (seen.done) resolve(null);
    });
  });
}

function checks(name, connect) {
  const client = connect(url);
  return {
    [`${name} query`]: async () => expect((await client.query(QUERY, {}).toPromise()).data.characters.length <= 1, true),
    [`${name} mutation`]: async () => {
      const variables = { id: await conversation(), content: "Hello" };
      expect((await client.mutation(MUTATION, variables).toPromise()).data.sendMessage.userErrors, []);
    },
    [`${name} subscription`]: async () => {
      const begun = await speak();
      const seen = new Reply();
      expect(await watch(client, begun, seen), null);
      await seen.mustBeWhole(begun.reply);
    },
    [`${name} error`]: async () => {
      for (const [query, code] of [[BROKEN, "BAD_USER_INPUT"], ["{ nothing }", "GRAPHQL_VALIDATION_FAILED"]]) {
        const { error } = await client.query(query, {}).toPromise();
        expect(error.graphQLErrors[0].extensions.code, code);
      }
      const error = await watch(client, { id: "x" }, new Reply());
      expect(error.graphQLErrors[0].extensions.code, "NOT_FOUND");
    },
    [`${name} reconnect`]: async () => {
      const way = await cuttable();
      const begun = await speak();
      const seen = new Reply();
      const broken = await watch(connect(way.url), begun, seen, ({ events }) => events === 3 && way.cut());
      if (broken) expect(await watch(connect(way.url), { id: begun.id, after: seen.cursor }, seen), null);
      await seen.mustBeWhole(begun.reply);
      way.close();
    },
  };
}

await run({ ...checks("sse", overHttp), ...checks("ws", overSockets) });
