// How the page looks on this device, its keys, and what answers.
import { type Settings, setSetting, settings } from "../state/settings";
import { server } from "../state/shelf";
import { openDialog } from "../state/dialogs";
import { isSignedIn, signOut } from "../state/access";
import { Dialog, useLoaded } from "./parts";

const CHOICES = {
  theme: ["Colours", { system: "As the system", light: "Light", dark: "Dark" }],
  size: ["Text", { small: "Small", normal: "Normal", large: "Large" }],
} as const;

export function SettingsDialog({ close }: { close: () => void }) {
  const info = server.value;
  const { data } = useLoaded(isSignedIn, "");
  return (
    <Dialog title="Settings" close={close}>
      {(Object.keys(CHOICES) as (keyof typeof CHOICES)[]).map((name) => <Choice name={name} />)}
      <fieldset>
        <legend>Enter</legend>
        {[true, false].map((sends) => (
          <label class="check">
            <input type="radio" name="enter" checked={settings.value.enterSends === sends} onChange={() => setSetting("enterSends", sends)} />
            {sends ? "sends; Shift+Enter is a new line" : "is a new line; Ctrl+Enter sends"}
          </label>
        ))}
      </fieldset>
      <p class="hint">These are kept on this device.</p>
      {info && (
        <section class="server">
          <h3>Server</h3>
          <p>Repartee {info.version}. Replies come from the engine “{info.engine}”: {info.engineReason}.</p>
          <div class="buttons">
            <button type="button" onClick={() => openDialog("models")}>Connect a model</button>
            <button type="button" onClick={() => openDialog("shortcuts")}>Keyboard</button>
            <a class="button" href="/graphql">The API</a>
            {data.value && <button type="button" onClick={() => void signOut()}>Sign out</button>}
          </div>
        </section>
      )}
    </Dialog>
  );
}

function Choice({ name }: { name: keyof typeof CHOICES }) {
  const [legend, values] = CHOICES[name];
  return (
    <fieldset>
      <legend>{legend}</legend>
      {Object.entries(values).map(([value, label]) => (
        <label class="check">
          <input type="radio" name={name} checked={settings.value[name] === value} onChange={() => setSetting(name, value as Settings[typeof name])} />{label}
        </label>
      ))}
    </fieldset>
  );
}

const KEYS = [
  ["Enter", "send"], ["Shift+Enter", "new line"], ["Esc", "close, or stop the reply"], ["Ctrl+K", "find"], ["Ctrl+Shift+O", "new conversation"],
  ["← →", "in the empty box: other versions of the last reply"], ["↑", "in the empty box: edit your last message"],
  ["↑ ↓", "in the thread: from message to message; Enter goes to its buttons"], ["Shift+Esc", "to the box"], ["Ctrl+/", "this list"],
] as const;

export const Shortcuts = ({ close }: { close: () => void }) => (
  <Dialog title="Keyboard" close={close}>
    <dl class="keys">{KEYS.map(([key, what]) => <div><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>)}</dl>
    <p class="hint">On a Mac, ⌘ takes the place of Ctrl.</p>
  </Dialog>
);

export const Models = ({ close }: { close: () => void }) => (
  <Dialog title="Connect a model" close={close}>
    <p>The server talks to any OpenAI-compatible server: Ollama, llama.cpp, vLLM, LM Studio, OpenRouter, OpenAI. Start it with its address, for example:</p>
    <pre class="sample" tabIndex={0}>REPARTEE_ENGINE_URL=http://127.0.0.1:11434/v1{"\n"}REPARTEE_MODEL=llama3.1</pre>
    <p>These lines go into a file named <code>.env</code> in the folder of the server; then start it again. A key goes there too, as <code>REPARTEE_ENGINE_KEY</code>.</p>
  </Dialog>
);
