// GraphQL Code Generator on a small app in TypeScript, and the compiler on what it writes.
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "@graphql-codegen/cli";
import { expect, run } from "./checks.mjs";

const here = import.meta.dirname;
const compilerOptions = {
  target: "es2022",
  module: "nodenext",
  moduleResolution: "nodenext",
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  allowImportingTsExtensions: true,
  types: [],
};

await run({
  "graphql-codegen": async () => {
    const folder = mkdtempSync(join(tmpdir(), "codegen-"));
    cpSync(join(here, "codegen"), folder, { recursive: true });
    symlinkSync(join(here, "node_modules"), join(folder, "node_modules"));
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["app.ts"] }));
    const config = {
      enumsAsTypes: true,
      strictScalars: true,
      useTypeImports: true,
      scalars: { DateTime: "string", JSON: "unknown" },
    };
    await generate({
      cwd: folder,
      silent: true,
      errorsOnly: true,
      schema: join(here, "../../schema/schema.graphql"),
      documents: "app.ts",
      generates: { "generated/": { preset: "client", config, presetConfig: { fragmentMasking: { unmaskFunctionName: "useFragment" } } } },
      importExtension: ".ts",
    });
    // What the compiler says when a type is wrong shows that it looks at what was generated.
    execFileSync(process.execPath, [tsc(), "-p", folder], { encoding: "utf8", stdio: "pipe" });
    writeFileSync(join(folder, "app.ts"), `${readFileSync(join(folder, "app.ts"), "utf8")}\nexport const wrong: number = fold("", null!);\n`);
    expect(problems(folder).includes("'string' is not assignable to type 'number'"), true);
    rmSync(folder, { recursive: true });
  },
});

function tsc() {
  return join(here, "node_modules/typescript/bin/tsc");
}

function problems(folder) {
  try {
    return execFileSync(process.execPath, [tsc(), "-p", folder], { encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    return error.stdout;
  }
}
