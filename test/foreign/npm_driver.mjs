// npm `jose` behind the line protocol (README.md): node npm_driver.mjs FOLDER_WITH_NODE_MODULES
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const folder = resolve(process.argv[2]);
const jose = createRequire(pathToFileURL(join(folder, 'index.js')))('jose');
const version = JSON.parse(readFileSync(join(folder, 'node_modules/jose/package.json'))).version;
const unb64u = (text) => new Uint8Array(Buffer.from(text, 'base64url'));
const b64u = (octets) => Buffer.from(octets).toString('base64url');
const algOf = (q, key) => key.alg ?? q.alg;
const keyOf = (q, key) => {
  const { use, ...rest } = key;
  return jose.importJWK(rest, key.alg ?? q.alg);
};
const header = (q, key) => ({ alg: algOf(q, key), kid: key.kid });

async function seal(q) {
  const plain = unb64u(q.plain);
  const [first] = q.keys;
  if (q.form === 'general') {
    const token = new jose.GeneralEncrypt(plain).setProtectedHeader({ enc: q.enc });
    if (q.aad) token.setAdditionalAuthenticatedData(unb64u(q.aad));
    for (const key of q.keys) token.addRecipient(await keyOf(q, key)).setUnprotectedHeader(header(q, key));
    return { object: JSON.stringify(await token.encrypt()) };
  }
  const outside = { ...header(q, first), enc: q.enc };
  if (q.form === 'compact')
    return { object: await new jose.CompactEncrypt(plain).setProtectedHeader(outside).encrypt(await keyOf(q, first)) };
  const token = new jose.FlattenedEncrypt(plain).setProtectedHeader(outside);
  if (q.aad) token.setAdditionalAuthenticatedData(unb64u(q.aad));
  return { object: JSON.stringify(await token.encrypt(await keyOf(q, first))) };
}

async function open(q) {
  const key = await keyOf(q, q.keys[0]);
  const options = { keyManagementAlgorithms: [algOf(q, q.keys[0])], contentEncryptionAlgorithms: [q.enc] };
  if (!q.object.startsWith('{')) return { plain: b64u((await jose.compactDecrypt(q.object, key, options)).plaintext) };
  const tree = JSON.parse(q.object);
  const run = tree.recipients ? jose.generalDecrypt : jose.flattenedDecrypt;
  return { plain: b64u((await run(tree, key, options)).plaintext) };
}

async function sign(q) {
  const plain = unb64u(q.plain);
  const [first] = q.keys;
  if (q.form === 'general') {
    const token = new jose.GeneralSign(plain);
    for (const key of q.keys) token.addSignature(await keyOf(q, key)).setProtectedHeader(header(q, key));
    return { object: JSON.stringify(await token.sign()) };
  }
  const Kind = q.form === 'compact' ? jose.CompactSign : jose.FlattenedSign;
  const object = await new Kind(plain).setProtectedHeader(header(q, first)).sign(await keyOf(q, first));
  return { object: typeof object === 'string' ? object : JSON.stringify(object) };
}

async function verify(q) {
  const key = await keyOf(q, q.keys[0]);
  const options = { algorithms: [algOf(q, q.keys[0])] };
  if (!q.object.startsWith('{')) return { plain: b64u((await jose.compactVerify(q.object, key, options)).payload) };
  const tree = JSON.parse(q.object);
  const run = tree.signatures ? jose.generalVerify : jose.flattenedVerify;
  return { plain: b64u((await run(tree, key, options)).payload) };
}

const operations = { about: async () => ({ library: 'npm jose', version }), seal, open, sign, verify };
for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const q = JSON.parse(line);
    answer = await operations[q.op](q);
  } catch (why) {
    answer = { error: `${why.name}: ${why.message}`.slice(0, 200) };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
