// The dialog that is open. There is one at most.
import { signal } from "@preact/signals";

export interface Question {
  readonly kind: "confirm";
  readonly title: string;
  readonly text: string;
  readonly quote?: string;
  readonly action: string;
  readonly run: () => unknown;
}
export type Dialog = Question | { readonly kind: "find" | "settings" | "shortcuts" | "conversation" | "models" };

export const dialog = signal<Dialog | null>(null);
/** Whether the list of conversations covers the page, where it is narrow. */
export const isDrawerOpen = signal(false);

export const openDialog = (kind: Exclude<Dialog["kind"], "confirm">) => (dialog.value = { kind });
export const confirmFirst = (question: Omit<Question, "kind">) => (dialog.value = { kind: "confirm", ...question });
