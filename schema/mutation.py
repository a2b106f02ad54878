"""What can be changed."""

import strawberry

from resolvers import characters, conversations, histories, replies
from schema import inputs, payloads, reply_inputs
from schema.binding import mutation


@strawberry.type(description="What can be changed.")
class Mutation:
    create_character: payloads.CreateCharacterPayload | None = mutation(
        characters.create,
        takes=inputs.CreateCharacterInput,
        gives=payloads.CreateCharacterPayload,
        under="character",
        description="Make a character.",
    )
    update_character: payloads.UpdateCharacterPayload | None = mutation(
        characters.update,
        takes=inputs.UpdateCharacterInput,
        gives=payloads.UpdateCharacterPayload,
        under="character",
        description="Change a character.",
    )
    delete_character: payloads.DeleteCharacterPayload | None = mutation(
        characters.delete,
        takes=inputs.DeleteCharacterInput,
        gives=payloads.DeleteCharacterPayload,
        under="deleted_character_id",
        description="Delete a character with all its conversations.",
    )
    create_conversation: payloads.CreateConversationPayload | None = mutation(
        conversations.create,
        takes=inputs.CreateConversationInput,
        gives=payloads.CreateConversationPayload,
        under="conversation",
        description="Open a conversation; the character's greeting is its first message.",
    )
    update_conversation: payloads.UpdateConversationPayload | None = mutation(
        conversations.update,
        takes=inputs.UpdateConversationInput,
        gives=payloads.UpdateConversationPayload,
        under="conversation",
        description="Change a conversation's title, topic, context or generation.",
    )
    update_chat_history: payloads.UpdateChatHistoryPayload | None = mutation(
        histories.update,
        takes=inputs.UpdateChatHistoryInput,
        gives=payloads.UpdateChatHistoryPayload,
        under="conversation",
        description="Replace the history by a legacy-shaped one. The longest equal beginning keeps its messages; "
        "what is replaced stays as an inactive branch.",
    )
    delete_conversation: payloads.DeleteConversationPayload | None = mutation(
        conversations.delete,
        takes=inputs.DeleteConversationInput,
        gives=payloads.DeleteConversationPayload,
        description="Delete a conversation with its messages.",
    )
    fork_conversation: payloads.ForkConversationPayload | None = mutation(
        histories.fork,
        takes=inputs.ForkConversationInput,
        gives=payloads.ForkConversationPayload,
        under="conversation",
        description="Copy a conversation, up to a message, into one of its own.",
    )
    clear_history: payloads.ClearHistoryPayload | None = mutation(
        histories.clear,
        takes=inputs.ClearHistoryInput,
        gives=payloads.ClearHistoryPayload,
        description="Delete all messages; then the greeting speaks again.",
    )
    send_message: payloads.SendMessagePayload | None = mutation(
        replies.send_message,
        takes=reply_inputs.SendMessageInput,
        gives=payloads.SendMessagePayload,
        description="Say something, and let the character answer.",
    )
    request_reply: payloads.RequestReplyPayload | None = mutation(
        replies.request_reply,
        takes=reply_inputs.RequestReplyInput,
        gives=payloads.RequestReplyPayload,
        description="Let the character speak after the last message, or after the one given: what NONE, "
        "an import, a fork or a deletion left unanswered.",
    )
    regenerate_reply: payloads.RegenerateReplyPayload | None = mutation(
        replies.regenerate_reply,
        takes=reply_inputs.RegenerateReplyInput,
        gives=payloads.RegenerateReplyPayload,
        description="Another alternative of a reply; the old one stays.",
    )
    continue_reply: payloads.ContinueReplyPayload | None = mutation(
        replies.continue_reply,
        takes=reply_inputs.ContinueReplyInput,
        gives=payloads.ContinueReplyPayload,
        description="Write on at the end of the last reply.",
    )
    stop_reply: payloads.StopReplyPayload | None = mutation(
        replies.stop_reply,
        takes=reply_inputs.StopReplyInput,
        gives=payloads.StopReplyPayload,
        description="Stop the reply being written. What was written stays; stopping twice succeeds.",
    )
    select_alternative: payloads.SelectAlternativePayload | None = mutation(
        histories.select_alternative,
        takes=inputs.SelectAlternativeInput,
        gives=payloads.SelectAlternativePayload,
        description="Lead the active path through a message; what is below it comes back as it was left.",
    )
    add_alternative: payloads.AddAlternativePayload | None = mutation(
        replies.add_alternative,
        takes=reply_inputs.AddAlternativeInput,
        gives=payloads.AddAlternativePayload,
        description="Your own text as another alternative of a message, and the start of a branch; after a USER "
        "message the character answers.",
    )
    edit_message: payloads.EditMessagePayload | None = mutation(
        histories.edit_message,
        takes=inputs.EditMessageInput,
        gives=payloads.EditMessagePayload,
        description="Change a text in place; what is below stays.",
    )
    delete_message: payloads.DeleteMessagePayload | None = mutation(
        histories.delete_message,
        takes=inputs.DeleteMessageInput,
        gives=payloads.DeleteMessagePayload,
        description="Delete a message with everything below it.",
    )
    import_conversation: payloads.ImportConversationPayload | None = mutation(
        histories.start_from,
        takes=inputs.ImportConversationInput,
        gives=payloads.ImportConversationPayload,
        under="conversation",
        description="A legacy-shaped history as a new conversation.",
    )
