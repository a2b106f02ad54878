// The part of the contract that the benchmarks ask for, with resolvers that batch their reads by DataLoader.
import DataLoader from "dataloader";
import * as rows from "./rows.js";

export const typeDefs = `
  enum CharacterOrder { ACTIVE_DESC }
  type Query {
    hello: String!
    character(id: ID!): Character
    characters(first: Int! = 20, orderBy: CharacterOrder! = ACTIVE_DESC): [Character!]!
  }
  type Character {
    id: ID!
    name: String!
    description: String!
    avatarUrl: String
    conversations(first: Int! = 20): [Conversation!]!
  }
  type Conversation {
    id: ID!
    title: String!
    messageCount: Int!
    streamCursor: String!
    createdAt: String!
    updatedAt: String!
    messages: [Message!]!
    lastMessage: Message
    activeReply: Message
  }
  type Message {
    id: ID!
    role: String!
    content: String!
    status: String!
    createdAt: String!
  }
`;

export const query = {
  hello: () => "hi",
  character: (_, { id }) => rows.character(Number(id)),
  characters: (_, { first }) => rows.characters(first),
};

export const resolvers = {
  Query: query,
  Character: {
    conversations: ({ id }, { first }, loaders) => loaders.conversations.load({ id, first }),
  },
  Conversation: {
    messages: ({ id }, _, loaders) => loaders.messages.load(id),
    lastMessage: ({ id }, _, loaders) => loaders.lastMessages.load(id),
    activeReply: ({ id }, _, loaders) => loaders.activeReplies.load(id),
  },
};

const loader = (read) => new DataLoader(async (keys) => read(keys));

// The loaders of one request.
export const loaders = () => ({
  conversations: loader(rows.conversations),
  messages: loader(rows.messages),
  lastMessages: loader(rows.lastMessages),
  activeReplies: loader(rows.activeReplies),
});
