import { fileURLToPath } from "node:url";
import { defineConfig, runnerImport } from "vite";

const SERVER = process.env.REPARTEE_SERVER ?? "http://127.0.0.1:8000";
const operations = fileURLToPath(new URL("./src/api/operations.ts", import.meta.url));

// Executes the module of the documents, so that the file that the server trusts is what the page sends.
const documents = {
  name: "documents",
  apply: "build",
  async generateBundle() {
    const { module } = await runnerImport(operations, { configFile: false, logLevel: "error" });
    const entries = Object.entries(module).filter(([, text]) => /^\s*(query|mutation|subscription)/.test(text));
    const source = JSON.stringify(Object.fromEntries(entries), null, 1) + "\n";
    this.emitFile({ type: "asset", fileName: "documents.json", source });
  },
};

export default defineConfig({
  // The server answers / with index.html and serves the other files here.
  base: "/chat/",
  plugins: [documents],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  server: { proxy: { "/graphql": { target: SERVER, ws: true }, "/session": SERVER, "/sign-in": SERVER } },
  build: {
    outDir: "../built",
    emptyOutDir: true,
    assetsDir: "",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    license: { fileName: "licenses.md" },
  },
});
