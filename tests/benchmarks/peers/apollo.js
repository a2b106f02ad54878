// Apollo Server as its documentation starts it.
import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import { loaders, resolvers, typeDefs } from "./schema.js";

const { url } = await startStandaloneServer(new ApolloServer({ typeDefs, resolvers }), {
  listen: { port: 0, host: "127.0.0.1" },
  context: async () => loaders(),
});
console.log(url);
