// Relay's compiler on a small app against the snapshot; what it writes goes into a folder of its own.
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import compiler from "relay-compiler";
import { expect, run } from "./checks.mjs";

const here = import.meta.dirname;

await run({
  "relay-compiler": async () => {
    const folder = mkdtempSync(join(tmpdir(), "relay-"));
    cpSync(join(here, "relay"), join(folder, "src"), { recursive: true });
    cpSync(join(here, "../../schema/schema.graphql"), join(folder, "schema.graphql"));
    symlinkSync(join(here, "node_modules"), join(folder, "node_modules"));
    const config = { src: "src", language: "javascript", schema: "schema.graphql" };
    writeFileSync(join(folder, "relay.config.json"), JSON.stringify(config));
    execFileSync(compiler, ["relay.config.json"], { cwd: folder, encoding: "utf8", stdio: "pipe" });
    expect(readdirSync(join(folder, "src/__generated__")).length, 9);
    rmSync(folder, { recursive: true });
  },
});
