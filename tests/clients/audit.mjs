// Every check of the GraphQL-over-HTTP audit.
import { serverAudits } from "graphql-http";
import { run, url } from "./checks.mjs";

const checks = {};
for (const audit of serverAudits({ url, fetchFn: fetch })) {
  checks[`${audit.id} ${audit.name}`] = async () => {
    const result = await audit.fn();
    if (result.status !== "ok") throw new Error(`${result.status}: ${result.reason}`);
  };
}
await run(checks);
