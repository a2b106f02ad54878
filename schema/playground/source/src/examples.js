// The tabs of a first visit.
const FIRST_LOOK = `# 1. Who is here, and what was said.
#
# Press the play button, or Ctrl-Enter.

query FirstLook {
  characters(first: 5, orderBy: ACTIVE_DESC) {
    id
    name
    greeting
    conversations(first: 5) {
      id
      title
      messages(last: 10) {
        role
        content
      }
    }
  }
}
`;

const TALK = `# 2. Say something: "content", in the variables.
#
# BACKGROUND answers at once, while the reply is
# being written: go on to the tab Watch.
# WAIT answers when the reply is complete.

mutation Talk(
  $conversationId: ID!
  $content: String!
  $replyMode: ReplyMode!
) {
  sendMessage(
    input: {
      conversationId: $conversationId
      content: $content
      replyMode: $replyMode
    }
  ) {
    message {
      id
      content
    }
    reply {
      id
      status
      content
    }
    streamCursor
    userErrors {
      code
      message
      path
    }
  }
}
`;

const WATCH = `# 3. Watch the reply being written. Talk first.
#
# \`after\` is the streamCursor that Talk gave:
# from there on nothing is missed, even if the
# reply is complete by now. Only the newest event
# is shown; \`message\` holds the text so far.

subscription Watch(
  $conversationId: ID!
  $after: String
) {
  replyStream(
    conversationId: $conversationId
    after: $after
    untilDone: true
  ) {
    __typename
    cursor
    messageId
    ... on ReplyDelta {
      offset
      delta
    }
    ... on ReplyFinished {
      finishReason
    }
    ... on ReplyFailed {
      failure {
        code
        message
        isRetryable
      }
    }
    message {
      status
      content
    }
  }
}
`;

const BEGIN = `# Nobody is here yet. Run this, then press "Start
# over", the lowest button on the right: the other
# tabs get a conversation to work with.

mutation Begin {
  createCharacter(
    input: {
      name: "Mira"
      personality: "Dry, curious, fond of old maps."
      greeting: "There you are. Sit down; the kettle is on."
    }
  ) {
    character {
      id
      name
    }
    userErrors {
      code
      message
      path
    }
  }
}
`;

const FIND = "query PlaygroundStart { conversations(first: 1) { id } characters(first: 1, orderBy: ACTIVE_DESC) { id } }";
const OPEN = `mutation PlaygroundOpen($characterId: ID!) {
  createConversation(input: { characterId: $characterId }) { conversation { id } }
}`;

async function ask(url, query, variables) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/graphql-response+json, application/json;q=0.9" },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(4000),
  });
  return (await response.json()).data;
}

// The newest conversation, or a new one with whoever is here.
async function lookAround(url) {
  const { conversations, characters } = await ask(url, FIND);
  if (conversations.length > 0) return { conversationId: conversations[0].id };
  if (characters.length === 0) return { empty: true };
  const { createConversation } = await ask(url, OPEN, { characterId: characters[0].id });
  return { conversationId: createConversation.conversation.id };
}

const tabs = (conversationId, note = "") => [
  { query: FIRST_LOOK },
  { query: TALK, variables: write({ conversationId, content: "Hello! What are you up to?", replyMode: "BACKGROUND" }, note) },
  { query: WATCH, variables: write({ conversationId, after: null }, note) },
];

const write = (variables, note) => note + JSON.stringify(variables, null, 2);

const MISSING = "// Put the id of a conversation here (FirstLook).\n";

export async function exampleTabs(url) {
  try {
    const { conversationId, empty } = await lookAround(url);
    if (!empty) return tabs(conversationId);
    return [{ query: BEGIN }, ...tabs("conv_…", MISSING)];
  } catch {
    return tabs("conv_…", MISSING);
  }
}
