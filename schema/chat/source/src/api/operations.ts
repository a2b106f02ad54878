// Every document that the page sends. The build writes them to documents.json, which the server trusts.
import { graphql } from "./graphql";

export const Row = graphql(`fragment Row on Message {
  id position role content status createdAt editedAt updatedAt model finishReason
  speaker { id name avatarUrl }
  alternativeIndex alternativeCount
  failure { code message isRetryable retryAfterSeconds }
}`);

export const Path = graphql(`fragment Path on MessageConnection {
  edges { cursor node { ...Row } }
  pageInfo { hasPreviousPage hasNextPage }
}`, [Row]);

export const Head = graphql(`fragment Head on Conversation {
  id version historyVersion title titleSource messageCount activeAt
  character { id name avatarUrl }
  activeReply { id }
  lastMessage { id role status excerpt(length: 100) }
  firstUserMessage { id excerpt(length: 60) }
}`);

export const Heads = graphql(`fragment Heads on ConversationConnection {
  edges { cursor node { ...Head } }
  pageInfo { hasNextPage endCursor }
  totalCount
}`, [Head]);

export const Opened = graphql(`fragment Opened on Conversation {
  ...Head
  streamCursor
  topic
  context
  generation { model temperature maxTokens topP minP }
}`, [Head]);

export const Sheet = graphql(`fragment Sheet on Character {
  id version name avatarUrl description personality scenario systemPrompt postHistoryInstructions exampleDialogue
  greeting alternateGreetings tags conversationCount
  generation { model temperature maxTokens topP minP }
}`);

export const Problem = graphql(`fragment Problem on UserError {
  __typename code message path
  ... on ReplyInProgressError { activeReply { id } }
}`);

export const Start = graphql(`query Start {
  serverInfo { version engine engineReason maxMessageLength }
  conversationsConnection(first: 30) { ...Heads }
  latest: conversations(first: 1) { ...Opened messagesConnection(last: 50) { ...Path } }
}`, [Heads, Opened, Path]);

export const Shelf = graphql(`query Shelf($after: String, $search: String) {
  serverInfo { version engine engineReason maxMessageLength }
  conversationsConnection(first: 30, after: $after, search: $search) { ...Heads }
}`, [Heads]);

export const Characters = graphql(`query Characters($after: String, $search: String) {
  charactersConnection(first: 40, after: $after, search: $search, orderBy: ACTIVE_DESC) {
    edges { cursor node { id name avatarUrl description tags conversationCount } }
    pageInfo { hasNextPage endCursor }
    totalCount
  }
}`);

export const CharacterWithConversations = graphql(`query CharacterWithConversations($id: ID!, $after: String) {
  character(id: $id) { ...Sheet conversationsConnection(first: 30, after: $after) { ...Heads } }
}`, [Sheet, Heads]);

export const Open = graphql(`query Open($id: ID!) {
  conversation(id: $id) { ...Opened messagesConnection(last: 50) { ...Path } }
}`, [Opened, Path]);

export const OpenAround = graphql(`query OpenAround($id: ID!, $around: ID!) {
  conversation(id: $id) { ...Opened messagesConnection(around: $around, first: 50) { ...Path } }
}`, [Opened, Path]);

export const Older = graphql(`query Older($id: ID!, $before: String!) {
  conversation(id: $id) { historyVersion messagesConnection(last: 50, before: $before) { ...Path } }
}`, [Path]);

export const Newer = graphql(`query Newer($id: ID!, $after: String!) {
  conversation(id: $id) { historyVersion messagesConnection(first: 50, after: $after) { ...Path } }
}`, [Path]);

export const Light = graphql(`query Light($id: ID!, $first: Int, $last: Int, $around: ID) {
  conversation(id: $id) {
    ...Opened
    messagesConnection(first: $first, last: $last, around: $around) {
      edges { cursor node { id updatedAt alternativeIndex alternativeCount } }
      pageInfo { hasPreviousPage hasNextPage }
    }
  }
}`, [Opened]);

export const Rows = graphql(`query Rows($ids: [ID!]!) { nodes(ids: $ids) { __typename ...Row } }`, [Row]);

export const Standing = graphql(`query Standing($id: ID!) {
  message(id: $id) { ...Row conversation { historyVersion } }
}`, [Row]);

export const Versions = graphql(`query Versions($id: ID!) {
  message(id: $id) { id alternatives(first: 100) { id } }
}`);

export const Models = graphql(`query Models { models { name contextLength isDefault } }`);

export const Find = graphql(`query Find($query: String!, $after: String, $conversation: ID, $withTitles: Boolean!) {
  titles: conversations(first: 5, search: $query) @include(if: $withTitles) { ...Head }
  searchMessages(query: $query, first: 20, after: $after, conversationId: $conversation) {
    isComplete
    pageInfo { hasNextPage endCursor }
    edges {
      snippet
      ranges { start end }
      node {
        id role createdAt isActive
        conversation { id title titleSource character { id name avatarUrl } firstUserMessage { id excerpt(length: 60) } }
      }
    }
  }
}`, [Head]);

export const Send = graphql(`mutation Send($id: ID!, $content: String!, $key: String!, $ifBusy: BusyPolicy!) {
  sendMessage(input: {
    conversationId: $id, content: $content, replyMode: BACKGROUND, ifBusy: $ifBusy, idempotencyKey: $key
  }) {
    message { ...Row }
    reply { ...Row }
    conversation { ...Head }
    userErrors { ...Problem }
  }
}`, [Row, Head, Problem]);

export const Answer = graphql(`mutation Answer($id: ID!, $key: String!) {
  requestReply(input: { conversationId: $id, replyMode: BACKGROUND, idempotencyKey: $key }) {
    reply { ...Row }
    conversation { ...Head }
    userErrors { ...Problem }
  }
}`, [Row, Head, Problem]);

export const Again = graphql(`mutation Again($message: ID!, $key: String!) {
  regenerateReply(input: { messageId: $message, replyMode: BACKGROUND, idempotencyKey: $key }) {
    reply { ...Row }
    conversation { ...Head }
    userErrors { ...Problem }
  }
}`, [Row, Head, Problem]);

export const GoOn = graphql(`mutation GoOn($message: ID!, $key: String!) {
  continueReply(input: { messageId: $message, replyMode: BACKGROUND, idempotencyKey: $key }) {
    reply { ...Row }
    conversation { ...Head }
    userErrors { ...Problem }
  }
}`, [Row, Head, Problem]);

export const Stop = graphql(`mutation Stop($id: ID!, $message: ID) {
  stopReply(input: { conversationId: $id, messageId: $message }) {
    reply { ...Row }
    conversation { ...Head }
    userErrors { ...Problem }
  }
}`, [Row, Head, Problem]);

export const Select = graphql(`mutation Select($message: ID!, $parentCursor: String) {
  selectAlternative(input: { messageId: $message }) {
    conversation { ...Head messagesConnection(first: 50, after: $parentCursor) { ...Path } }
    userErrors { ...Problem }
  }
}`, [Head, Path, Problem]);

export const AddVersion = graphql(`mutation AddVersion($message: ID!, $content: String!, $mode: ReplyMode!, $key: String!) {
  addAlternative(input: { messageId: $message, content: $content, replyMode: $mode, idempotencyKey: $key }) {
    message { ...Row }
    reply { ...Row }
    conversation { ...Head }
    userErrors { ...Problem }
  }
}`, [Row, Head, Problem]);

export const Edit = graphql(`mutation Edit($message: ID!, $content: String!, $expected: Int) {
  editMessage(input: { messageId: $message, content: $content, expectedHistoryVersion: $expected }) {
    message { ...Row }
    conversation { ...Head }
    userErrors { ...Problem }
  }
}`, [Row, Head, Problem]);

export const DeleteMessage = graphql(`mutation DeleteMessage($message: ID!) {
  deleteMessage(input: { messageId: $message }) {
    deletedMessageIds
    conversation { ...Head }
    userErrors { ...Problem }
  }
}`, [Head, Problem]);

export const Create = graphql(`mutation Create($character: ID!, $key: String!) {
  createConversation(input: { characterId: $character, idempotencyKey: $key }) {
    conversation { ...Head }
    userErrors { ...Problem }
  }
}`, [Head, Problem]);

export const Change = graphql(`mutation Change($input: UpdateConversationInput!) {
  updateConversation(input: $input) {
    conversation { ...Opened }
    userErrors { ...Problem }
  }
}`, [Opened, Problem]);

export const Fork = graphql(`mutation Fork($id: ID!, $upTo: ID, $key: String!) {
  forkConversation(input: { conversationId: $id, upToMessageId: $upTo, idempotencyKey: $key }) {
    conversation { ...Head }
    userErrors { ...Problem }
  }
}`, [Head, Problem]);

export const Clear = graphql(`mutation Clear($id: ID!) {
  clearHistory(input: { conversationId: $id }) {
    conversation { ...Head }
    userErrors { ...Problem }
  }
}`, [Head, Problem]);

export const DeleteConversation = graphql(`mutation DeleteConversation($id: ID!) {
  deleteConversation(input: { conversationId: $id }) { deletedConversationId userErrors { ...Problem } }
}`, [Problem]);

export const CreateCharacter = graphql(`mutation CreateCharacter($input: CreateCharacterInput!) {
  createCharacter(input: $input) { character { ...Sheet } userErrors { ...Problem } }
}`, [Sheet, Problem]);

export const UpdateCharacter = graphql(`mutation UpdateCharacter($input: UpdateCharacterInput!) {
  updateCharacter(input: $input) { character { ...Sheet } userErrors { ...Problem } }
}`, [Sheet, Problem]);

export const DeleteCharacter = graphql(`mutation DeleteCharacter($id: ID!) {
  deleteCharacter(input: { characterId: $id }) { deletedCharacterId deletedConversationCount userErrors { ...Problem } }
}`, [Problem]);

export const Watch = graphql(`subscription Watch($id: ID!, $after: String) {
  replyStream(conversationId: $id, after: $after) {
    __typename
    cursor
    messageId
    ... on ReplyStarted { content message { id isActive } }
    ... on ReplyDelta { offset delta }
    ... on ReplySnapshot { content message { ...Row } }
    ... on ReplyFinished { message { ...Row } }
    ... on ReplyFailed { message { ...Row } }
  }
}`, [Row]);

export const Changed = graphql(`subscription Changed($id: ID!) {
  conversationChanged(conversationId: $id) { deletedConversationId conversation { ...Opened } }
}`, [Opened]);

export const ShelfChanged = graphql(`subscription ShelfChanged {
  conversationsChanged { deletedConversationId conversation { ...Head } }
}`, [Head]);
