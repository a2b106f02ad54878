// graphql-eslint's rules for names and for Relay, on the snapshot.
import graphqlPlugin from "@graphql-eslint/eslint-plugin";
import { ESLint } from "eslint";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, run } from "./checks.mjs";

const snapshot = join(import.meta.dirname, "../../schema/schema.graphql");
const rules = {
  "@graphql-eslint/naming-convention": [
    "error",
    { types: "PascalCase", FieldDefinition: "camelCase", InputValueDefinition: "camelCase", Argument: "camelCase", DirectiveDefinition: "camelCase", EnumValueDefinition: "UPPER_CASE" },
  ],
  "@graphql-eslint/no-typename-prefix": "error",
  "@graphql-eslint/no-hashtag-description": "error",
  "@graphql-eslint/no-unreachable-types": "error",
  "@graphql-eslint/require-description": ["error", { types: true, FieldDefinition: true, InputValueDefinition: true, EnumValueDefinition: true }],
  "@graphql-eslint/relay-arguments": ["error", { includeBoth: true }],
  "@graphql-eslint/relay-connection-types": "error",
  "@graphql-eslint/relay-edge-types": ["error", { withEdgeSuffix: true, shouldImplementNode: true, listTypeCanWrapOnlyEdgeType: false }],
  "@graphql-eslint/relay-page-info": "error",
  "@graphql-eslint/unique-type-names": undefined,
};
delete rules["@graphql-eslint/unique-type-names"];

// Hits are found newest first by walking on; nobody can walk back from an end that is not known.
const forwardOnly = /^Field `searchMessages` must contain an argument `(last|before)`/;

await run({
  "graphql-eslint": async () => {
    const schemaSdl = readFileSync(snapshot, "utf8");
    const eslint = new ESLint({
      overrideConfigFile: true,
      overrideConfig: [
        {
          files: ["**/*.graphql"],
          plugins: { "@graphql-eslint": graphqlPlugin },
          languageOptions: { parser: graphqlPlugin.parser, parserOptions: { graphQLConfig: { schemaSdl, schema: snapshot } } },
          rules,
        },
      ],
    });
    const [{ messages }] = await eslint.lintText(schemaSdl, { filePath: join(import.meta.dirname, "schema.graphql") });
    const unexpected = messages.filter(({ message }) => !forwardOnly.test(message));
    expect(unexpected.map(({ line, ruleId, message }) => `${line}: ${ruleId}: ${message}`), []);
  },
});
