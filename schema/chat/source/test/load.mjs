// The page's modules for Node, compiled by Vite.
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

export async function load(path) {
  const file = fileURLToPath(new URL(`../src/${path}`, import.meta.url));
  const oxc = { jsx: { runtime: "automatic", importSource: "preact" } };
  return (await runnerImport(file, { configFile: false, logLevel: "error", oxc })).module;
}
