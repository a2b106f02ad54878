// An OpenID Connect issuer: node issuer.mjs. It prints its address, then a token for each line {"token": SECONDS}, and
// obeys {"rotate": KID}, {"down": true}, {"down": false}. Programs get tokens by client_credentials.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";

let handle;
let seconds = 300;
let down = false;
const server = createServer((request, answer) => (down ? request.socket.destroy() : handle(request, answer)));
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const url = `http://127.0.0.1:${server.address().port}`;
const client = { client_id: "bot", client_secret: "the secret of the bot", grant_types: ["client_credentials"], redirect_uris: [], response_types: [] };

function rotate(kid) {
  const jwk = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
  const provider = new Provider(url, {
    clients: [client],
    jwks: { keys: [{ ...jwk, kid, use: "sig", alg: "RS256" }] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => "urn:repartee",
        getResourceServerInfo: () => ({ scope: "", audience: "repartee", accessTokenTTL: seconds, accessTokenFormat: "jwt", jwt: { sign: { alg: "RS256" } } }),
      },
    },
  });
  handle = provider.callback();
}

async function token() {
  const authorization = `Basic ${Buffer.from(`${client.client_id}:${encodeURIComponent(client.client_secret)}`).toString("base64")}`;
  const body = new URLSearchParams({ grant_type: "client_credentials" });
  const answer = await (await fetch(`${url}/token`, { method: "POST", headers: { authorization }, body })).json();
  if (!answer.access_token) throw new Error(JSON.stringify(answer));
  return answer.access_token;
}

const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
rotate("first");
say({ url });
for await (const line of createInterface({ input: process.stdin })) {
  const wish = JSON.parse(line);
  if (wish.rotate) rotate(wish.rotate);
  if ("down" in wish) down = wish.down;
  if (wish.token) seconds = wish.token;
  say(wish.token ? { token: await token() } : {});
}
process.exit(0);
