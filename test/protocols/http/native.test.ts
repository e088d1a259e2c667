import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { Access, Kind } from '../../support/office.ts';
import { System } from '../../support/system.ts';

const HTTP: Kind = { type: 'application', subtype: 'httpproxy' };

describe('http’s own port', () => {
  let system: System;
  let target: http.Server;
  let access: Access;
  let other: Access;
  before(async () => {
    target = http.createServer((request, response) => {
      response.setHeader('set-cookie', 'own=1; Domain=internal; Path=/');
      response.end(JSON.stringify({ url: request.url, headers: request.headers }));
    });
    await once(target.listen(0, '127.0.0.1'), 'listening');
    system = await System.start({ agent: 'tunnel' });
    const settings = { REMOTE_URL: `http://127.0.0.1:${(target.address() as AddressInfo).port}` };
    access = await system.access(settings, undefined, HTTP);
    other = await system.access(settings, undefined, HTTP);
  });
  after(async () => {
    await system.close();
    target.close().closeAllConnections();
  });

  interface Answer {
    readonly status: number;
    readonly headers: http.IncomingHttpHeaders;
    readonly body: string;
  }

  async function get(path: string, headers: Readonly<Record<string, string>> = {}, agent?: https.Agent): Promise<Answer> {
    const request = https.get({ host: access.host, port: access.port, path, headers, rejectUnauthorized: false, agent });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() };
  }

  test('takes the secret as a bearer token, as a key and in a cookie, and the target never sees it', async () => {
    const ways: Record<string, string>[] = [
      { authorization: `Bearer ${access.secret}` },
      { authorization: access.secret },
      { 'x-api-key': access.secret },
      { cookie: `mine=1; hoop_proxy_token=${access.secret}` },
    ];
    for (const headers of ways) {
      const answer = await get('/here', headers);
      assert.equal(answer.status, 200);
      assert.ok(!answer.body.includes(access.secret), answer.body);
      assert.match(answer.body, /"url":"\/here"/);
      assert.deepEqual(answer.headers['set-cookie'], ['own=1; Path=/']);
    }
  });

  test('sends a browser that shows the secret in the address on with a cookie', async () => {
    const answer = await get(`/${access.secret}/dash?x=1`);
    assert.deepEqual([answer.status, answer.headers.location], [302, '/dash?x=1']);
    assert.match(String(answer.headers['set-cookie']), /hoop_proxy_token=httpproxy-.*; Path=\/; HttpOnly; SameSite=Lax; Secure/);
    assert.equal((await get(`/${access.secret}//evil.example/`)).headers.location, '/evil.example/');
  });

  test('refuses no secret, an unknown one, and one of another kind of connection', async () => {
    for (const authorization of ['', 'Bearer httpproxy-nobody', 'Bearer pg-nobody']) {
      const answer = await get('/', authorization === '' ? {} : { authorization });
      assert.equal(answer.status, 401);
      assert.equal(answer.headers['www-authenticate'], 'Bearer');
    }
  });

  test('asks every request on an open connection for the secret', async () => {
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    assert.equal((await get('/', { authorization: access.secret }, agent)).status, 200);
    assert.equal((await get('/', {}, agent)).status, 401);
    assert.equal((await get('/', { authorization: other.secret }, agent)).status, 401);
    assert.equal((await get('/', { authorization: access.secret }, agent)).status, 200);
    agent.destroy();
  });

  test('A25: does nothing for a page of another site that makes a browser use its cookie', async () => {
    const cookie = `hoop_proxy_token=${access.secret}`;
    assert.equal((await get('/', { cookie, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' })).status, 403);
    assert.equal((await get('/', { cookie, origin: 'https://evil.example', connection: 'Upgrade', upgrade: 'websocket' })).status, 403);
    assert.equal((await get('/', { cookie, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' })).status, 200);
    assert.equal((await get('/', { cookie, 'sec-fetch-site': 'same-origin' })).status, 200);
  });

  test('A24: does not let a client say whom it acts for', async () => {
    const claims = { 'impersonate-user': 'system:admin', 'x-forwarded-user': 'root', 'x-remote-user': 'root', forwarded: 'for=1.1.1.1' };
    const { body } = await get('/', { authorization: access.secret, ...claims });
    for (const name of Object.keys(claims)) assert.ok(!body.includes(`"${name}"`), name);
  });

  test('speaks HTTP/2 over TLS', async () => {
    const session = http2.connect(`https://${access.host}:${access.port}`, { rejectUnauthorized: false });
    const stream = session.request({ ':path': '/h2', authorization: `Bearer ${access.secret}` });
    const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
    assert.equal((headers as Record<string, unknown>)[':status'], 200);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    assert.match(Buffer.concat(chunks).toString(), /"url":"\/h2"/);
    session.close();
  });

  test('ends an open connection when its secret is revoked', async () => {
    const mine = await system.office.credential(access.connection);
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    assert.equal((await get('/', { authorization: mine.secret }, agent)).status, 200);
    const [socket] = Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? []);
    assert.ok(socket);
    const closed = once(socket, 'close');
    await system.office.revoke(mine);
    await closed;
    assert.equal((await get('/', { authorization: mine.secret })).status, 401);
    agent.destroy();
  });
});
