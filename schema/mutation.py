"""GraphQL type Mutation."""

import strawberry

from resolvers import characters, chat_histories, conversations, messages, replies
from schema import account_mutations, inputs, payloads, reply_inputs
from schema.binding import mutation
from schema.prices import priced


@strawberry.type(
    description="The mutations of this API. Each takes one `input`; an error that a caller can act on is in the "
    "`userErrors` of its payload, and then nothing was changed."
)
class Mutation(account_mutations.AccountMutations):
    create_character: payloads.CreateCharacterPayload | None = mutation(
        characters.create,
        input_type=inputs.CreateCharacterInput,
        payload_type=payloads.CreateCharacterPayload,
        payload_field="character",
        description="Creates a character.",
    )
    update_character: payloads.UpdateCharacterPayload | None = mutation(
        characters.update,
        input_type=inputs.UpdateCharacterInput,
        payload_type=payloads.UpdateCharacterPayload,
        payload_field="character",
        description="Changes the given fields of a character.",
    )
    delete_character: payloads.DeleteCharacterPayload | None = mutation(
        characters.delete,
        input_type=inputs.DeleteCharacterInput,
        payload_type=payloads.DeleteCharacterPayload,
        description="Deletes a character with all its conversations.",
    )
    create_conversation: payloads.CreateConversationPayload | None = mutation(
        conversations.create,
        input_type=inputs.CreateConversationInput,
        payload_type=payloads.CreateConversationPayload,
        payload_field="conversation",
        description="Creates a conversation with a character. Its first message is the greeting of the character, "
        "if there is one and `includeGreeting` is true.",
    )
    update_conversation: payloads.UpdateConversationPayload | None = mutation(
        conversations.update,
        input_type=inputs.UpdateConversationInput,
        payload_type=payloads.UpdateConversationPayload,
        payload_field="conversation",
        description="Changes the title, topic, context or generation settings of a conversation.",
    )
    update_chat_history: payloads.UpdateChatHistoryPayload | None = priced(
        mutation(
            chat_histories.replace,
            input_type=inputs.UpdateChatHistoryInput,
            payload_type=payloads.UpdateChatHistoryPayload,
            payload_field="conversation",
            description="Replaces the chat history of a conversation by one in the legacy format. Messages up "
            "to the first difference are kept; what is replaced stays as an inactive branch.",
        ),
        takes_history=True,
    )
    delete_conversation: payloads.DeleteConversationPayload | None = mutation(
        conversations.delete,
        input_type=inputs.DeleteConversationInput,
        payload_type=payloads.DeleteConversationPayload,
        description="Deletes a conversation with its messages.",
    )
    fork_conversation: payloads.ForkConversationPayload | None = mutation(
        conversations.fork,
        input_type=inputs.ForkConversationInput,
        payload_type=payloads.ForkConversationPayload,
        payload_field="conversation",
        description="Copies a conversation, up to a message, into a new conversation.",
    )
    clear_history: payloads.ClearHistoryPayload | None = mutation(
        conversations.clear_history,
        input_type=inputs.ClearHistoryInput,
        payload_type=payloads.ClearHistoryPayload,
        description="Deletes all messages of a conversation, on every branch. Then its first message is the "
        "greeting of the character again, if there is one and `includeGreeting` is true.",
    )
    send_message: payloads.SendMessagePayload | None = mutation(
        replies.send_message,
        input_type=reply_inputs.SendMessageInput,
        payload_type=payloads.SendMessagePayload,
        description="Sends a message of the user, and requests a reply of the character to it.",
    )
    request_reply: payloads.RequestReplyPayload | None = mutation(
        replies.request_reply,
        input_type=reply_inputs.RequestReplyInput,
        payload_type=payloads.RequestReplyPayload,
        description="Requests a reply of the character to the last message, or to a given one; for example"
        " after `replyMode: NONE`, an import, a fork or a deletion.",
    )
    regenerate_reply: payloads.RegenerateReplyPayload | None = mutation(
        replies.regenerate_reply,
        input_type=reply_inputs.RegenerateReplyInput,
        payload_type=payloads.RegenerateReplyPayload,
        description="Writes another alternative of a reply; the earlier reply stays.",
    )
    continue_reply: payloads.ContinueReplyPayload | None = mutation(
        replies.continue_reply,
        input_type=reply_inputs.ContinueReplyInput,
        payload_type=payloads.ContinueReplyPayload,
        description="Continues the last reply at the end of its text.",
    )
    stop_reply: payloads.StopReplyPayload | None = mutation(
        replies.stop_reply,
        input_type=reply_inputs.StopReplyInput,
        payload_type=payloads.StopReplyPayload,
        description="Stops the reply that is being written. The text written until then is kept. Stopping "
        "is a mutation, never a disconnect; stopping twice succeeds.",
    )
    select_alternative: payloads.SelectAlternativePayload | None = mutation(
        messages.select_alternative,
        input_type=inputs.SelectAlternativeInput,
        payload_type=payloads.SelectAlternativePayload,
        description="Leads the active path through a message of any branch of the conversation, and below it "
        "through the messages that the path led through last.",
    )
    add_alternative: payloads.AddAlternativePayload | None = mutation(
        replies.add_alternative,
        input_type=reply_inputs.AddAlternativeInput,
        payload_type=payloads.AddAlternativePayload,
        description="Adds a text of the client as an alternative of a message, with the role of that message, and "
        "leads the active path to it. The character replies to an alternative of a message of the user.",
    )
    edit_message: payloads.EditMessagePayload | None = mutation(
        messages.edit_message,
        input_type=inputs.EditMessageInput,
        payload_type=payloads.EditMessagePayload,
        description="Changes the text of a message in place; the messages below it stay.",
    )
    delete_message: payloads.DeleteMessagePayload | None = mutation(
        messages.delete_message,
        input_type=inputs.DeleteMessageInput,
        payload_type=payloads.DeleteMessagePayload,
        description="Deletes a message with all messages below it.",
    )
    import_conversation: payloads.ImportConversationPayload | None = priced(
        mutation(
            chat_histories.import_conversation,
            input_type=inputs.ImportConversationInput,
            payload_type=payloads.ImportConversationPayload,
            payload_field="conversation",
            description="Creates a conversation from a chat history in the legacy format.",
        ),
        takes_history=True,
    )
