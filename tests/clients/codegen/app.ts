// A small frontend in TypeScript, whose types are generated from the contract. It is compiled and never run.
import { graphql, useFragment } from "./generated/index.ts";
import type { FragmentType } from "./generated/index.ts";
import type { ReplyMode, SendMutation, WatchSubscription } from "./generated/graphql.ts";

export const Row = graphql(`
  fragment Row on Conversation {
    id
    title
    updatedAt
    firstUserMessage { excerpt }
    lastMessage { role excerpt(length: 80) createdAt }
  }
`);

export const Shelf = graphql(`
  query Shelf($first: Int!, $orderBy: CharacterOrder) {
    characters(first: $first, orderBy: $orderBy) {
      id
      name
      generation { temperature minP topK frequencyPenalty presencePenalty stop }
      conversations(first: 5) { ...Row }
    }
  }
`);

export const Around = graphql(`
  query Around($id: ID!, $message: ID!) {
    conversation(id: $id) {
      messagesConnection(around: $message) {
        edges { cursor node { id content status alternatives(first: 3) { id } } }
        pageInfo { startCursor endCursor }
      }
    }
  }
`);

export const Send = graphql(`
  mutation Send($input: SendMessageInput!) {
    sendMessage(input: $input) {
      streamCursor
      reply { id status failure { code isRetryable } }
      userErrors { __typename code message path ... on NotFoundError { missingId } }
    }
  }
`);

export const Watch = graphql(`
  subscription Watch($id: ID!, $after: String) {
    replyStream(conversationId: $id, after: $after, untilDone: true) {
      __typename
      cursor
      ... on ReplyStarted { content }
      ... on ReplyDelta { offset delta }
      ... on ReplySnapshot { content }
      ... on ReplyFinished { finishReason }
      ... on ReplyFailed { failure { code message isRetryable } }
    }
  }
`);

export const Sidebar = graphql(`
  subscription Sidebar($characterId: ID) {
    conversationsChanged(characterId: $characterId) { deletedConversationId conversation { ...Row } }
  }
`);

type Sent = NonNullable<SendMutation["sendMessage"]>;
type Event = WatchSubscription["replyStream"];

export function title(row: FragmentType<typeof Row>): string {
  const { title, lastMessage } = useFragment(Row, row);
  return lastMessage ? `${title}: ${lastMessage.excerpt}` : title;
}

export function missing(sent: Sent): string | null {
  const [error] = sent.userErrors;
  return error?.__typename === "NotFoundError" ? error.missingId : null;
}

export function fold(text: string, event: Event): string {
  switch (event.__typename) {
    case "ReplyStarted":
    case "ReplySnapshot":
      return event.content;
    case "ReplyDelta":
      return text.slice(0, event.offset) + event.delta;
    default:
      return text;
  }
}

export const mode: ReplyMode = "BACKGROUND";
