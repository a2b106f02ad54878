// Signing in. The server has a module for it that its pages share; it is loaded only where it is needed.
import { signal } from "@preact/signals";
import { isShutOut } from "../api/link";

export { isShutOut };

interface SignIn {
  /** Trades a token in the address for a cookie; shows a form unless the server knows who is there. */
  signedIn(): Promise<{ readonly access: string }>;
  signOut(): Promise<void>;
}

const shared = (): Promise<SignIn> => import(/* @vite-ignore */ new URL("/sign-in/sign-in.js", location.href).href);

export const problem = signal("");

/** Whoever comes by the link that the server printed is signed in before anything is asked. */
export async function enter(): Promise<void> {
  if (new URLSearchParams(location.hash.slice(1)).has("token")) await (await shared()).signedIn();
}

/** Asks who is there, and begins anew when the server knows. Drafts and what waits are kept meanwhile. */
export async function signIn(): Promise<void> {
  problem.value = "";
  try {
    await (await shared()).signedIn();
    location.reload();
  } catch {
    problem.value = "The server cannot be reached.";
  }
}

/** Returns whether there is anything to sign out of. */
export async function isSignedIn(): Promise<boolean> {
  const session = await (await fetch("/session")).json();
  return session.isSignedIn === true && session.access !== "OPEN";
}

export const signOut = async () => (await shared()).signOut();
