// Title, topic, facts and model of a conversation.
import { useSignal } from "@preact/signals";
import { ask } from "../api/link";
import * as operations from "../api/operations";
import type { Thread } from "../state/thread";
import { Buttons, Field, GenerationFields, generationOf, textOf, useForm } from "./fields";
import { Dialog } from "./parts";

export function ConversationForm({ thread, close }: { thread: Thread; close: () => void }) {
  const head = thread.head.peek()!;
  const version = useSignal(head.version);
  const { isBusy, errors, onSubmit, problemOf } = useForm(async (form) => {
    const title = textOf(form, "title").trim();
    const input = {
      conversationId: thread.id,
      expectedVersion: version.value,
      topic: textOf(form, "topic").trim() || null,
      context: textOf(form, "context").trim() || null,
      generation: generationOf(form),
      // A title that nobody touched stays the server's to make.
      ...(title === titleOf(head) ? {} : { title: title || null }),
    };
    const { updateConversation: payload } = await ask(operations.Change, { input });
    if (payload?.conversation) {
      thread.head.value = payload.conversation;
      close();
    }
    const conflict = payload?.userErrors.find(({ code }) => code === "VERSION_CONFLICT");
    if (!conflict) return payload?.userErrors ?? [];
    version.value = thread.head.peek()!.version;
    return [{ ...conflict, message: "Somebody changed this conversation meanwhile. Save again to replace that by what is written here." }];
  });
  return (
    <Dialog title="Conversation" close={close}>
      <form class="form" onSubmit={onSubmit}>
        <Field name="title" label="Title" value={titleOf(head)} maxLength={200} hint="Left empty, it is made from what is said." problem={problemOf("title")} />
        <Field name="topic" label="Topic" value={head.topic ?? ""} hint="What the conversation is about; the model reads it." problem={problemOf("topic")} />
        <Field name="context" label="Facts" value={head.context ?? ""} rows={4} hint="What the character is to know in this conversation." problem={problemOf("context")} />
        <GenerationFields value={head.generation} inherits="As the character" />
        <Buttons isBusy={isBusy.value} errors={errors.value}><button type="button" class="quiet" onClick={close}>Cancel</button></Buttons>
      </form>
    </Dialog>
  );
}

const titleOf = (head: { title: string; titleSource: string }) => (head.titleSource === "DEFAULT" ? "" : head.title);
