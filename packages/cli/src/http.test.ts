import assert from 'node:assert/strict';
import { createServer as createPlain, type RequestListener, type Server } from 'node:http';
import { createServer as createTls } from 'node:https';
import type { AddressInfo } from 'node:net';
import { before, test } from 'node:test';
import { fetchWith } from './http.ts';
import { certificateForThisMachine, type TestCertificate } from './testing/certificate.ts';

let certificate: TestCertificate;
before(async () => {
  certificate = await certificateForThisMachine();
});

const trusting = fetchWith({ ca: undefined, skipVerify: false });

async function serving(server: Server, work: (port: number) => Promise<void>): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await work((server.address() as AddressInfo).port);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const hello: RequestListener = (_, response) => response.end('hello');

test('a certificate is trusted with its authority, and only then', async () => {
  await serving(createTls({ ...certificate }, hello), async (port) => {
    const url = `https://127.0.0.1:${port}/`;
    await assert.rejects(trusting(url), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    const reply = await fetchWith({ ca: certificate.cert, skipVerify: false })(url);
    assert.equal(await reply.text(), 'hello');
    assert.equal((await fetchWith({ ca: undefined, skipVerify: true })(url)).status, 200);
  });
});

test('an authority does not make a wrong name right', async () => {
  await serving(createTls({ ...certificate }, hello), async (port) => {
    const url = `https://127.0.0.2:${port}/`;
    await assert.rejects(fetchWith({ ca: certificate.cert, skipVerify: false })(url), Error);
  });
});

test('method, headers, body and status go over, and headers come back', async () => {
  const server = createPlain(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.writeHead(201, { token: 'abc', 'set-cookie': ['a=1', 'b=2'] });
    response.end(`${request.method} ${request.headers['x-test']} ${Buffer.concat(chunks)}`);
  });
  await serving(server, async (port) => {
    const reply = await trusting(`http://127.0.0.1:${port}/x`, { method: 'POST', headers: { 'x-test': 'yes' }, body: 'é' });
    assert.deepEqual([reply.status, reply.headers.get('token'), await reply.text()], [201, 'abc', 'POST yes é']);
    assert.deepEqual(reply.headers.getSetCookie(), ['a=1', 'b=2']);
  });
});

test('an empty reply has no body', async () => {
  const server = createPlain((_, response) => response.writeHead(204).end());
  await serving(server, async (port) => assert.equal((await trusting(`http://127.0.0.1:${port}/`)).status, 204));
});

test('a redirect is not followed: the token stays where it was sent', async () => {
  let followed = false;
  const server = createPlain((request, response) => {
    if (request.url === '/elsewhere') followed = true;
    response.writeHead(302, { location: '/elsewhere' }).end();
  });
  await serving(server, async (port) => {
    const headers = { authorization: 'Bearer secret' };
    assert.equal((await trusting(`http://127.0.0.1:${port}/`, { headers })).status, 302);
    assert.equal(followed, false);
  });
});

test('a call ends when it is told to, and when the other side breaks off', async () => {
  const server = createPlain((request, response) => {
    if (request.url === '/half') response.write('half', () => response.destroy());
  });
  await serving(server, async (port) => {
    const stop = new AbortController();
    const hanging = trusting(`http://127.0.0.1:${port}/hang`, { signal: stop.signal });
    stop.abort();
    await assert.rejects(hanging, { name: 'AbortError' });
    await assert.rejects(trusting(`http://127.0.0.1:${port}/half`), { code: 'ECONNRESET' });
  });
});
