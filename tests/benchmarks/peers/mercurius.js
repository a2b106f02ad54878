// Mercurius with loaders of its own. JIT=1 compiles each document when it is first asked for.
import Fastify from "fastify";
import mercurius from "mercurius";
import * as rows from "./rows.js";
import { query, typeDefs } from "./schema.js";

// Without a cache, for the data may change between two requests.
const loader = (read, keyOf) => ({
  loader: async (queries) => read(queries.map(keyOf)),
  opts: { cache: false },
});
const idOf = ({ obj }) => obj.id;

const app = Fastify();
app.register(mercurius, {
  schema: typeDefs,
  resolvers: { Query: query },
  loaders: {
    Character: {
      conversations: loader(rows.conversations, ({ obj, params }) => ({ id: obj.id, first: params.first })),
    },
    Conversation: {
      messages: loader(rows.messages, idOf),
      lastMessage: loader(rows.lastMessages, idOf),
      activeReply: loader(rows.activeReplies, idOf),
    },
  },
  jit: Number(process.env.JIT ?? 0),
  graphiql: false,
});
console.log(`${await app.listen({ port: 0, host: "127.0.0.1" })}/graphql`);
