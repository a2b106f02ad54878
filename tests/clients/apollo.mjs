import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { CombinedGraphQLErrors } from "@apollo/client/errors";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { createClient } from "graphql-ws";
import { createHash } from "node:crypto";
import WebSocket from "ws";
import { BROKEN, MUTATION, QUERY, Reply, SUBSCRIPTION, conversation, cuttable, expect, run, socketUrl, speak, url } from "./checks.mjs";

// Apollo's link looks at the browser's class; Node has it from version 22 on.
globalThis.WebSocket ??= WebSocket;

const over = (link) => new ApolloClient({ link, cache: new InMemoryCache(), defaultOptions: { query: { fetchPolicy: "no-cache" } } });
const http = (address) => new HttpLink({ uri: address });
const sockets = (address) =>
  new GraphQLWsLink(createClient({ url: socketUrl(address), webSocketImpl: WebSocket, retryAttempts: 5, shouldRetry: () => true }));

function watch(client, { id, after }, seen, onEvent = () => {}) {
  return new Promise((complete, error) => {
    const variables = { id, after };
    client.subscribe({ query: gql(SUBSCRIPTION), variables, fetchPolicy: "no-cache" }).subscribe({
      next: (result) => {
        if (result.error) return error(result.error);
        seen.take(result.data.replyStream);
        onEvent(seen);
      },
      error,
      complete,
    });
  });
}

function checks(name, link) {
  const client = over(link(url));
  return {
    [`${name} query`]: async () => expect((await client.query({ query: gql(QUERY) })).data.characters.length <= 1, true),
    [`${name} mutation`]: async () => {
      const variables = { id: await conversation(), content: "Hello" };
      expect((await client.mutate({ mutation: gql(MUTATION), variables })).data.sendMessage.userErrors, []);
    },
    [`${name} subscription`]: async () => {
      const begun = await speak();
      const seen = new Reply();
      await watch(client, begun, seen);
      await seen.mustBeWhole(begun.reply);
    },
    [`${name} error`]: async () => {
      for (const [query, code] of [[BROKEN, "BAD_USER_INPUT"], ["{ nothing }", "GRAPHQL_VALIDATION_FAILED"]]) {
        const error = await client.query({ query: gql(query) }).catch((caught) => caught);
        expect(CombinedGraphQLErrors.is(error), true);
        expect(error.errors[0].extensions.code, code);
      }
      const unknown = watch(client, { id: "x" }, new Reply()).catch((caught) => caught);
      expect((await unknown).errors[0].extensions.code, "NOT_FOUND");
    },
    // Apollo does not subscribe again by itself, so an app does, from the last cursor on.
    [`${name} reconnect`]: async () => {
      const way = await cuttable();
      const begun = await speak();
      const seen = new Reply();
      const broken = await watch(over(link(way.url)), begun, seen, ({ events }) => events === 3 && way.cut()).catch((error) => error);
      if (!seen.done) await watch(over(link(way.url)), { id: begun.id, after: seen.cursor }, seen);
      else if (name === "http") throw new Error(`was not cut: ${broken}`);
      await seen.mustBeWhole(begun.reply);
      way.close();
    },
  };
}

const sha256 = (text) => createHash("sha256").update(text).digest("hex");

await run({
  ...checks("http", http),
  ...checks("ws", sockets),
  "persisted queries": async () => {
    const sent = [];
    const spied = new HttpLink({ uri: url, fetch: (address, init) => (sent.push("query" in JSON.parse(init.body)), fetch(address, init)) });
    const link = new PersistedQueryLink({ sha256 }).concat(spied);
    const query = gql(`query Persisted${Date.now()} { serverInfo { version } }`);
    for (let turn = 0; turn < 2; turn++) expect(typeof (await over(link).query({ query })).data.serverInfo.version, "string");
    // Only its hash, which is unknown; then with its text; from then on only its hash.
    expect(sent, [false, true, false]);
  },
  "queries by GET": async () => {
    const link = new HttpLink({ uri: url, useGETForQueries: true });
    expect((await over(link).query({ query: gql(QUERY) })).data.characters.length <= 1, true);
  },
});
