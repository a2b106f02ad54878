// GraphQL Yoga on Node's own HTTP server.
import { createServer } from "node:http";
import { createSchema, createYoga } from "graphql-yoga";
import { loaders, resolvers, typeDefs } from "./schema.js";

const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers }),
  context: () => loaders(),
  logging: false,
  graphiql: false,
});
const server = createServer(yoga);
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/graphql`));
