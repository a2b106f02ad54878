// What a thread tells its view beside the rows.

/** What is said at the composer, and what can be done about it. */
export interface Note {
  readonly text: string;
  readonly isError?: boolean;
  readonly actions?: readonly { readonly label: string; readonly run: () => void }[];
}
/** Where the view is to go. */
export type Target = { readonly kind: "tail" } | { readonly kind: "follow" | "show"; readonly key: string };
