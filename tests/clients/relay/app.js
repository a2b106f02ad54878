// A small app as Relay's users write it: pages, a mutation that appends, a subscription, refetching by id.
import { graphql } from "react-relay";

graphql`
  query appPageQuery($id: ID!, $count: Int = 20, $cursor: String) {
    conversation(id: $id) {
      title
      ...app_messages @arguments(count: $count, cursor: $cursor)
    }
  }
`;

graphql`
  fragment app_messages on Conversation
  @refetchable(queryName: "appMessagesPaginationQuery")
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" }) {
    messagesConnection(last: $count, before: $cursor) @connection(key: "app_messagesConnection") {
      edges {
        node {
          id
          ...app_message
        }
      }
    }
  }
`;

graphql`
  fragment app_message on Message @refetchable(queryName: "appMessageRefetchQuery") {
    role
    content
    status
    speaker {
      name
    }
  }
`;

graphql`
  query appCharactersQuery {
    charactersConnection(first: 10) @connection(key: "app_charactersConnection") {
      edges {
        node {
          name
          conversationCount
        }
      }
    }
  }
`;

graphql`
  mutation appSendMutation($input: SendMessageInput!, $connections: [ID!]!) {
    sendMessage(input: $input) {
      message @appendNode(connections: $connections, edgeTypeName: "MessageEdge") {
        ...app_message
      }
      reply @appendNode(connections: $connections, edgeTypeName: "MessageEdge") {
        ...app_message
      }
      streamCursor
      userErrors {
        __typename
        message
        ... on ReplyInProgressError {
          activeReply {
            id
          }
        }
      }
    }
  }
`;

graphql`
  mutation appDeleteMutation($input: DeleteMessageInput!, $connections: [ID!]!) {
    deleteMessage(input: $input) {
      deletedMessageIds @deleteEdge(connections: $connections)
      userErrors {
        code
      }
    }
  }
`;

graphql`
  subscription appWatchSubscription($conversationId: ID!, $after: String) {
    replyStream(conversationId: $conversationId, after: $after) {
      __typename
      cursor
      messageId
      ... on ReplyDelta {
        offset
        delta
      }
      message {
        ...app_message
      }
    }
  }
`;
