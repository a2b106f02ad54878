// Where in the page one is: the hash of the address, so ids stay out of the server's log.
import { signal } from "@preact/signals";

export type Route =
  | { readonly screen: "home" | "characters" | "newCharacter" }
  | { readonly screen: "conversation"; readonly id: string; readonly message: string | null }
  | { readonly screen: "character" | "editCharacter"; readonly id: string }
  | { readonly screen: "unknown" };

function read(): Route {
  const [first = "", id = "", rest = ""] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  if (!first) return { screen: "home" };
  if (first === "c" && id) return { screen: "conversation", id, message: rest || null };
  if (first !== "characters") return { screen: "unknown" };
  if (!id) return { screen: "characters" };
  if (id === "new") return { screen: "newCharacter" };
  return { screen: rest === "edit" ? "editCharacter" : "character", id };
}

function safely(): Route {
  try {
    return read();
  } catch {
    return { screen: "unknown" };
  }
}

export const route = signal<Route>(safely());
addEventListener("hashchange", () => (route.value = safely()));

export const to = {
  home: "#/",
  characters: "#/characters",
  newCharacter: "#/characters/new",
  character: (id: string) => `#/characters/${id}`,
  editCharacter: (id: string) => `#/characters/${id}/edit`,
  conversation: (id: string, message?: string) => `#/c/${id}${message ? `/${message}` : ""}`,
};

/** Reads the address again after something else has changed it. */
export const reread = () => (route.value = safely());

export const go = (hash: string) => {
  location.hash = hash;
};

/** Goes there without a way back. */
export function replace(hash: string): void {
  history.replaceState(null, "", hash);
  reread();
}
