// Fields of forms, and what a form has to know about them.
import type { ComponentChildren } from "preact";
import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import { ask } from "../api/link";
import * as operations from "../api/operations";
import type { UserError } from "../state/thread";
import { useLoaded } from "./parts";

interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly hint?: string;
  readonly rows?: number;
  readonly required?: boolean;
  readonly maxLength?: number;
  readonly problem?: string | undefined;
}

export function Field({ name, label, value, hint, rows, problem, ...rest }: FieldProps) {
  const id = useId();
  const described = problem || hint ? `${id}-hint` : undefined;
  const shared = { id, name, defaultValue: value, dir: "auto" as const, "aria-describedby": described, "aria-invalid": !!problem, ...rest };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {rows ? <textarea rows={rows} {...shared} /> : <input {...shared} />}
      {(problem || hint) && <p id={described} class={problem ? "problem" : "hint"}>{problem ?? hint}</p>}
    </div>
  );
}

export interface Generation {
  readonly model: string | null;
  readonly temperature: number | null;
  readonly maxTokens: number | null;
  readonly topP: number | null;
  readonly minP: number | null;
}

const NUMBERS = [
  ["temperature", "Temperature", "0 is the likeliest word each time, 1 is usual; up to 2.", "0.05", 0, 2],
  ["maxTokens", "Maximum length, in tokens", "", "1", 1, 32768],
  ["topP", "Top P", "", "0.01", 0, 1],
  ["minP", "Min P", "", "0.01", 0, 1],
] as const;

/** How replies are generated; what is left empty is inherited. */
export function GenerationFields({ value, inherits }: { value: Generation; inherits: string }) {
  const { data, problem } = useLoaded(async () => (await ask(operations.Models, {})).models, "");
  const names = [...new Set([...(value.model ? [value.model] : []), ...(data.value?.map(({ name }) => name) ?? [])])];
  const id = useId();
  return (
    <>
      <div class="field">
        <label for={id}>Model</label>
        <select id={id} name="model">
          <option value="">{inherits}</option>
          {names.map((name) => <option value={name} selected={name === value.model}>{name}</option>)}
        </select>
        {problem.value && <p class="problem">The models cannot be listed. {problem.value}</p>}
      </div>
      <div class="pair">
        {NUMBERS.map(([name, label, hint, step, min, max]) => <NumberField {...{ name, label, hint, step, min, max }} value={value[name]} placeholder={inherits} />)}
      </div>
    </>
  );
}

interface NumberProps {
  readonly name: string;
  readonly label: string;
  readonly hint: string;
  readonly step: string;
  readonly min: number;
  readonly max: number;
  readonly value: number | null;
  readonly placeholder: string;
}

function NumberField({ name, label, hint, value, ...rest }: NumberProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input id={id} name={name} type="number" defaultValue={value === null ? "" : String(value)} {...rest} />
      {hint && <p class="hint">{hint}</p>}
    </div>
  );
}

export const textOf = (form: HTMLFormElement, name: string) => String(new FormData(form).get(name) ?? "");

const numberOf = (form: HTMLFormElement, name: string) => {
  const text = textOf(form, name);
  return text === "" ? null : Number(text);
};

export const generationOf = (form: HTMLFormElement): Generation => ({
  model: textOf(form, "model") || null,
  temperature: numberOf(form, "temperature"),
  maxTokens: numberOf(form, "maxTokens"),
  topP: numberOf(form, "topP"),
  minP: numberOf(form, "minP"),
});

/** Sends a form, and shows at each field why it was refused. */
export function useForm(send: (form: HTMLFormElement) => Promise<readonly UserError[]>) {
  const isBusy = useSignal(false);
  const errors = useSignal<readonly { readonly path: readonly string[]; readonly message: string }[]>([]);
  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    isBusy.value = true;
    try {
      errors.value = await send(event.currentTarget as HTMLFormElement);
    } catch (error) {
      errors.value = [{ path: [], message: (error as Error).message }];
    }
    isBusy.value = false;
  };
  const problemOf = (name: string) => errors.value.find(({ path }) => path.includes(name))?.message;
  return { isBusy, errors, onSubmit: (event: SubmitEvent) => void onSubmit(event), problemOf };
}

export function Buttons({ isBusy, errors, children }: { isBusy: boolean; errors: readonly { message: string }[]; children: ComponentChildren }) {
  return (
    <>
      {errors.length > 0 && <p class="note" role="alert">{errors.map(({ message }) => message).join(" ")}</p>}
      <div class="buttons"><button type="submit" class="main" disabled={isBusy}>{isBusy ? "Saving…" : "Save"}</button>{children}</div>
    </>
  );
}
