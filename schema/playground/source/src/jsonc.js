// Tidies the variables and headers: a prettier plugin in place of prettier's JavaScript parser, half a megabyte.
import { applyEdits, format } from "jsonc-parser";

export const parsers = {
  jsonc: {
    astFormat: "tidy",
    parse: (text) => ({ text: applyEdits(text, format(text, undefined, { insertSpaces: true, tabSize: 2 })) }),
    locStart: () => 0,
    locEnd: (node) => node.text.length,
  },
};

export const printers = {
  tidy: { print: (path) => path.node.text.trim() },
};
