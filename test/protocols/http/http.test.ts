import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { TunnelClient } from '@hoop/tunnel/client';
import { WebSocket, WebSocketServer } from 'ws';
import { LocalPort } from '../../support/local-port.ts';
import type { Kind, Policy } from '../../support/office.ts';
import { runProgram } from '../../support/program.ts';
import { System } from '../../support/system.ts';
import { until } from '../../support/until.ts';

const HTTP: Kind = { type: 'application', subtype: 'httpproxy' };

let system: System;
let tunnel: TunnelClient;
const open: { close(): void }[] = [];

before(async () => {
  system = await System.start({ agent: 'tunnel' });
  const { host, port } = system.gateway.addresses.tunnel;
  tunnel = await TunnelClient.dial({ host, port, tls: { skipVerify: true } });
});
after(async () => {
  tunnel.close();
  await system.close();
});
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

/** A target that does something with each request. */
async function target(serve: (request: IncomingMessage, response: ServerResponse) => void): Promise<http.Server & { port: number }> {
  const server = http.createServer(serve);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  open.push({ close: () => server.close().closeAllConnections() });
  return Object.assign(server, { port: (server.address() as net.AddressInfo).port });
}

interface Way {
  readonly connection: string;
  readonly url: string;
  readonly port: number;
}

async function wayTo(url: string, more: Readonly<Record<string, string>> = {}, policy?: Policy): Promise<Way> {
  const connection = await system.connection({ REMOTE_URL: url, ...more }, policy, HTTP);
  const local = await LocalPort.open(tunnel, connection, system.office.token);
  open.push(local);
  return { connection, url: `http://127.0.0.1:${local.port}`, port: local.port };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Sends bytes as they are and resolves with everything that came back before the connection closed. */
async function raw(port: number, text: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1');
  open.push({ close: () => socket.destroy() });
  socket.write(text);
  let answer = '';
  for await (const chunk of socket.setEncoding('latin1')) {
    answer += chunk;
    if (/\r\n\r\n/.test(answer) && !/keep-alive/i.test(answer)) continue;
  }
  return answer;
}

describe('http through hoop connect', () => {
  test('passes method, path, headers and body, and injects what the connection sets', async () => {
    const { port } = await target((request, response) => {
      void bodyOf(request).then((body) => {
        response.setHeader('x-said', 'yes');
        response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body: body.toString() }));
      });
    });
    const { url } = await wayTo(`http://127.0.0.1:${port}/base`, { HEADER_X_API_KEY: 'secret-key' });
    const answer = await fetch(`${url}/a/b?c=d`, {
      method: 'POST',
      body: 'hello',
      headers: { 'x-api-key': 'mine', 'x-own': '1', 'x-forwarded-for': '6.6.6.6' },
    });
    assert.equal(answer.headers.get('x-said'), 'yes');
    const seen = (await answer.json()) as { method: string; url: string; headers: Record<string, string>; body: string };
    assert.deepEqual([seen.method, seen.url, seen.body], ['POST', '/base/a/b?c=d', 'hello']);
    assert.equal(seen.headers['x-api-key'], 'secret-key');
    assert.equal(seen.headers['x-own'], '1');
    assert.equal(seen.headers['x-forwarded-for'], undefined);
    assert.equal(seen.headers.host, `127.0.0.1:${port}`);
  });

  test('records each request with its status and sizes', async () => {
    const { port } = await target((request, response) => {
      void bodyOf(request).then(() => response.writeHead(request.url === '/missing' ? 404 : 200).end('0123456789'));
    });
    const { url, connection } = await wayTo(`http://127.0.0.1:${port}`);
    await (await fetch(`${url}/missing`)).text();
    await (await fetch(`${url}/there`, { method: 'PUT', body: 'abc', headers: { 'content-type': 'text/plain' } })).text();
    const actions = await until('both requests are recorded', async () => {
      const sessions = await system.office.sessions(connection);
      const all = (await Promise.all(sessions.map(({ id }) => system.office.actions(id)))).flat();
      return all.length === 2 && all.every(({ outcome }) => outcome) && all;
    });
    assert.deepEqual(
      actions.map(({ text, outcome }) => [text, outcome?.status, outcome?.bytes, outcome?.bytes_in]),
      [
        ['GET /missing', 404, 10, 0],
        ['PUT /there\n\nabc', 200, 10, 3],
      ],
    );
  });

  test('streams answers as they come, and a target that sends events one by one is heard one by one', async () => {
    const { port } = await target((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: first\n\n');
      response.once('drain', () => undefined);
      const { socket } = response;
      socket?.once('close', () => undefined);
      later = () => response.end('data: second\n\n');
    });
    let later: () => void = () => undefined;
    const { url } = await wayTo(`http://127.0.0.1:${port}`);
    const reader = (await fetch(url)).body?.getReader();
    assert.ok(reader);
    assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), 'data: first\n\n');
    later();
    assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), 'data: second\n\n');
    assert.equal((await reader.read()).done, true);
  });

  test('moves 64 MiB up and down without a byte wrong, with length and without', async () => {
    const { port } = await target((request, response) => void request.pipe(response));
    const { port: local } = await wayTo(`http://127.0.0.1:${port}`);
    for (const withLength of [true, false]) {
      const block = randomBytes(1 << 20);
      const sent = createHash('sha256');
      const came = createHash('sha256');
      const headers = { 'content-type': 'application/octet-stream', ...(withLength ? { 'content-length': String(64 << 20) } : {}) };
      const request = http.request({ host: '127.0.0.1', port: local, method: 'POST', path: '/', headers });
      const reading = once(request, 'response').then(async ([response]) => {
        for await (const chunk of response as IncomingMessage) came.update(chunk as Buffer);
      });
      for (let mib = 0; mib < 64; mib++) {
        block.writeUInt32LE(mib);
        sent.update(block);
        if (!request.write(Buffer.from(block))) await once(request, 'drain');
      }
      request.end();
      await reading;
      assert.equal(came.digest('hex'), sent.digest('hex'), withLength ? 'with length' : 'in chunks');
    }
  });

  test('goes over to WebSocket and passes what is said both ways', async () => {
    const server = await target((_request, response) => response.end());
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket) => socket.on('message', (said) => socket.send(`you said ${said}`)));
    const { url, connection } = await wayTo(`http://127.0.0.1:${server.port}`);
    const socket = new WebSocket(url.replace('http', 'ws'));
    await once(socket, 'open');
    socket.send('hello');
    assert.equal(String((await once(socket, 'message'))[0]), 'you said hello');
    socket.close();
    await once(socket, 'close');
    const session = await system.office.endedSession(connection);
    assert.equal((await system.office.actions(session.id))[0]?.text, 'GET / (websocket)');
  });

  test('tells the client when the target is down, in the shape that it reads', async () => {
    const { port } = await target(() => undefined);
    for (const each of open.splice(0)) each.close();
    const { url } = await wayTo(`http://127.0.0.1:${port}`);
    const plain = await fetch(url);
    assert.deepEqual([plain.status, plain.headers.get('x-hoop-error')], [502, 'target_unreachable']);
    assert.match(await plain.text(), /cannot be reached: connection refused/);
    const json = (await (await fetch(url, { headers: { accept: 'application/json' } })).json()) as { kind: string; reason: string };
    assert.deepEqual([json.kind, json.reason], ['Status', 'target_unreachable']);
  });

  test('keeps one client’s connection for many requests in one session', async () => {
    const { port } = await target((_request, response) => response.end('ok'));
    const { connection, port: local } = await wayTo(`http://127.0.0.1:${port}`);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let time = 0; time < 20; time++) {
      const request = http.get({ agent, host: '127.0.0.1', port: local, path: `/${time}` });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      assert.equal((await bodyOf(response)).toString(), 'ok');
    }
    agent.destroy();
    const session = await system.office.endedSession(connection);
    assert.equal(session.metrics.actions, 20);
  });

  test('speaks HTTP/2, many requests at a time on one connection', async () => {
    const { port } = await target((request, response) => void bodyOf(request).then((body) => response.end(`${request.url} ${body}`)));
    const { url, connection } = await wayTo(`http://127.0.0.1:${port}`);
    const said = await runProgram('curl', ['-sS', '--http2-prior-knowledge', '-d', 'hello', '-w', ' %{http_version}', `${url}/curl`]);
    assert.equal(said.stdout, '/curl hello 2');
    const session = http2.connect(url);
    open.push({ close: () => session.destroy() });
    const answers = await Promise.all(
      Array.from({ length: 50 }, async (_, at) => {
        const stream = session.request({ ':method': 'POST', ':path': `/${at}` });
        stream.end('x'.repeat(at * 1000));
        const chunks: Buffer[] = [];
        for await (const chunk of stream) chunks.push(chunk as Buffer);
        return Buffer.concat(chunks).toString();
      }),
    );
    assert.deepEqual(
      answers,
      Array.from({ length: 50 }, (_, at) => `/${at} ${'x'.repeat(at * 1000)}`),
    );
    session.close();
    await until('both sessions are over', async () => (await system.office.sessions(connection)).every(({ status }) => status === 'done'));
    assert.deepEqual(
      (await system.office.sessions(connection)).map(({ metrics }) => metrics.actions),
      [1, 50],
    );
  });
});

describe('policy on http', () => {
  test('denies a request by its path or its body, with the rule’s words, and the connection goes on', async () => {
    let heard = 0;
    const { port } = await target((request, response) => {
      heard++;
      void bodyOf(request).then((body) => response.end(body));
    });
    const { url } = await wayTo(`http://127.0.0.1:${port}`, {}, { deny: ['drop-everything'] });
    const byPath = await fetch(`${url}/drop-everything`);
    assert.equal(byPath.status, 403);
    assert.match(await byPath.text(), /Blocked by the following Guardrails rule: Not here/);
    const json = { method: 'POST', headers: { 'content-type': 'application/json' } };
    assert.equal((await fetch(url, { ...json, body: '{"do":"drop-everything"}' })).status, 403);
    const zipped = gzipSync('{"do":"drop-everything"}');
    assert.equal(
      (await fetch(url, { method: 'POST', body: zipped, headers: { ...json.headers, 'content-encoding': 'gzip' } })).status,
      403,
    );
    assert.equal(heard, 0);
    assert.equal(await (await fetch(url, { ...json, body: '{"do":"nothing"}' })).text(), '{"do":"nothing"}');
  });

  test('masks text in answers, also in compressed ones and over pieces, and the length is right', async () => {
    const { port } = await target((request, response) => {
      if (request.url === '/pieces') {
        response.writeHead(200, { 'content-type': 'text/plain' });
        response.write('write to ada@exam');
        setImmediate(() => response.end('ple.org today'));
      } else if (request.url === '/zip') {
        response
          .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
          .end(gzipSync('{"mail":"ada@example.org"}'));
      } else {
        const body = '{"mail":"ada@example.org","n":1}';
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
      }
    });
    const { url, connection } = await wayTo(`http://127.0.0.1:${port}`, {}, { mask: ['EMAIL_ADDRESS'] });
    assert.equal(await (await fetch(url)).text(), '{"mail":"###############","n":1}');
    assert.equal(await (await fetch(`${url}/zip`)).text(), '{"mail":"###############"}');
    assert.equal(await (await fetch(`${url}/pieces`)).text(), 'write to ############### today');
    const masked = await until('the masks are counted', async () => {
      const sessions = await system.office.sessions(connection);
      const all = (await Promise.all(sessions.map(({ id }) => system.office.actions(id)))).flat();
      return all.length === 3 && all.every(({ outcome }) => outcome) && all.map(({ outcome }) => outcome?.masked?.EMAIL_ADDRESS);
    });
    assert.deepEqual(masked, [1, 1, 1]);
  });

  test('lets a large masked answer through to its end', async () => {
    const line = `${'x'.repeat(90)} ada@example.org\n`;
    const { port } = await target(
      (_request, response) => void response.writeHead(200, { 'content-type': 'text/plain' }).end(line.repeat(50_000)),
    );
    const { url } = await wayTo(`http://127.0.0.1:${port}`, {}, { mask: ['EMAIL_ADDRESS'] });
    const text = await (await fetch(url)).text();
    assert.equal(text.length, line.length * 50_000);
    assert.ok(!text.includes('@'));
  });
});

describe('A22: a request that two parsers could read in two ways', () => {
  const cases: Readonly<Record<string, string>> = {
    'with both lengths':
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n',
    'with two lengths': 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello',
    'with a coding in disguise': 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\nConnection: close\r\n\r\n0\r\n\r\n',
    'with two codings':
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\nConnection: close\r\n\r\n0\r\n\r\n',
    'with a folded line': 'GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\nConnection: close\r\n\r\n',
    'with a bare line feed': 'GET / HTTP/1.1\nHost: a\nConnection: close\n\n',
    'with two hosts': 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n',
    'without a host': 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n',
    'for a whole address': 'GET http://169.254.169.254/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    'with a blank before the colon': 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\nConnection: close\r\n\r\nhello',
  };
  for (const [what, text] of Object.entries(cases)) {
    test(`${what} is refused and never reaches the target`, async () => {
      let heard = 0;
      const { port } = await target((_request, response) => {
        heard++;
        response.end();
      });
      const { port: local } = await wayTo(`http://127.0.0.1:${port}`);
      assert.match(await raw(local, text), /^HTTP\/1\.1 400 /);
      assert.equal(heard, 0);
    });
  }

  test('a connect to somewhere else is refused', async () => {
    const { port } = await target((_request, response) => response.end());
    const { port: local } = await wayTo(`http://127.0.0.1:${port}`);
    assert.match(await raw(local, 'CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n'), /^HTTP\/1\.1 405 /);
  });
});

describe('A23: a target that is not one', () => {
  for (const url of [
    'http://169.254.169.254',
    'http://[fe80::1]',
    'http://[::ffff:169.254.169.254]',
    'http://0xa9fea9fe',
    'http://2852039166',
  ]) {
    test(`${url} is refused`, async () => {
      const { url: local } = await wayTo(url);
      const answer = await fetch(local);
      assert.equal(answer.status, 502);
      assert.match(await answer.text(), /link-local/);
    });
  }

  test('a redirect is passed to the client and not followed, with the target’s own address taken out', async () => {
    const { port } = await target((request, response) => {
      response
        .writeHead(302, { location: request.url === '/out' ? 'http://elsewhere.example/x' : `http://127.0.0.1:${port}/next?a=b` })
        .end();
    });
    const { url } = await wayTo(`http://127.0.0.1:${port}`);
    assert.equal((await fetch(url, { redirect: 'manual' })).headers.get('location'), '/next?a=b');
    assert.equal((await fetch(`${url}/out`, { redirect: 'manual' })).headers.get('location'), 'http://elsewhere.example/x');
  });
});

test('A24: dots do not lead out of the part of the target that a connection is for', async () => {
  let heard = 0;
  const { port } = await target((_request, response) => {
    heard++;
    response.end();
  });
  const { port: local } = await wayTo(`http://127.0.0.1:${port}/team-a`);
  for (const path of ['/../team-b', '/%2e%2e/team-b', '/x/..%2f..%2fteam-b', '/..;/team-b', '/\\..\\team-b']) {
    assert.match(await raw(local, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`), /^HTTP\/1\.1 (502|400) /, path);
  }
  assert.equal(heard, 0);
});
