// Documents as texts. What they select is known to the compiler only.
import type { initGraphQLTada } from "gql.tada";
import type { introspection } from "./schema";

interface Contract {
  introspection: introspection;
  disableMasking: true;
  scalars: { DateTime: string; JSON: unknown };
}

/** Joins a document with the fragments that it spreads, each of them once. */
export const graphql = ((text: string, parts: readonly unknown[] = []) => {
  const fragments = parts.flatMap((part) => String(part).split(/(?=^fragment )/m));
  return [...new Set([text, ...fragments].map((part) => part.trim()))].join("\n");
}) as unknown as ReturnType<typeof initGraphQLTada<Contract>>;
