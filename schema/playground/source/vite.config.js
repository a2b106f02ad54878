import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const ours = (name) => fileURLToPath(new URL(`./src/${name}`, import.meta.url));

export default defineConfig({
  // The server answers /graphql with index.html and serves the other files here.
  base: "/playground/",
  resolve: {
    alias: [
      { find: "monaco-editor/esm/vs/editor/edcore.main.js", replacement: ours("editor.js") },
      { find: /^prettier\/(parser-babel|plugins\/estree)$/, replacement: ours("jsonc.js") },
    ],
  },
  build: {
    outDir: "../built",
    emptyOutDir: true,
    assetsDir: "",
    // Inlined files would need `data:` in the Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    target: "es2022",
    license: { fileName: "licenses.md" },
    chunkSizeWarningLimit: 3000,
    rolldownOptions: {
      // Libraries mark files with "use client"; it means nothing here.
      onLog: (level, log, handle) => log.code !== "MODULE_LEVEL_DIRECTIVE" && handle(level, log),
    },
  },
});
