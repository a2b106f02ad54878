// Whatever dialog is open.
import { current } from "../state/current";
import { type Question, dialog } from "../state/dialogs";
import { ConversationForm } from "./conversationForm";
import { Find } from "./find";
import { Dialog } from "./parts";
import { Models, SettingsDialog, Shortcuts } from "./settings";

export function Dialogs() {
  const open = dialog.value!;
  // A dialog tells late that it was closed; another may be open by then.
  const close = () => {
    if (dialog.peek() === open) dialog.value = null;
  };
  switch (open.kind) {
    case "find":
      return <Find close={close} />;
    case "settings":
      return <SettingsDialog close={close} />;
    case "shortcuts":
      return <Shortcuts close={close} />;
    case "models":
      return <Models close={close} />;
    case "conversation":
      return current.value && <ConversationForm thread={current.value} close={close} />;
    case "confirm":
      return <Confirm question={open} close={close} />;
  }
}

function Confirm({ question: { title, text, quote, action, run }, close }: { question: Question; close: () => void }) {
  const act = () => {
    close();
    void run();
  };
  return (
    <Dialog title={title} close={close} class="small">
      {quote && <blockquote dir="auto">{quote}</blockquote>}
      <p>{text}</p>
      <p>This cannot be undone.</p>
      <div class="buttons">
        <button type="button" class="main danger" onClick={act}>{action}</button>
        <button type="button" onClick={close} autofocus>Cancel</button>
      </div>
    </Dialog>
  );
}
