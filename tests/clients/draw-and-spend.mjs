// Draws a pass and spends it with an unmodified Privacy Pass library; all it is given besides is the session header.
// Usage: node draw-and-spend.mjs <server> <key id> <session header> <path to spend at> [<JSON body>]
import { AuthorizationHeader, WWWAuthenticateHeader, publicVerif, sendTokenRequest } from '@cloudflare/privacypass-ts';

const [server, keyId, session, path, body] = process.argv.slice(2);

const asked = await fetch(`${server}/v1/anon/keys/${keyId}/challenge`);
const [header] = WWWAuthenticateHeader.parse(asked.headers.get('WWW-Authenticate'));

const client = new publicVerif.Client(publicVerif.BlindRSAMode.PSS);
const request = await client.createTokenRequest(header.challenge, header.tokenKey);
const signed = await sendTokenRequest(
  request.serialize(),
  `${server}/v1/draws/${keyId}`,
  new Headers({ Authorization: session }),
);
const token = await client.finalize(client.deserializeTokenResponse(signed));

const spend = async (quoted) => {
  const headers = { Authorization: new AuthorizationHeader(token).toString(quoted) };
  if (body) headers['Content-Type'] = 'application/json';
  const answer = await fetch(`${server}${path}`, { method: 'POST', headers, body });
  return answer.status;
};
console.log(JSON.stringify({ asked: asked.status, spent: await spend(false), again: await spend(true) }));
