import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import { after, afterEach, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { WebSocket, WebSocketServer } from 'ws';
import { until } from '../../support/until.ts';
import { bodyOf, HttpLab, heardUntilClose, type Way } from './lab.ts';

let lab: HttpLab;

before(async () => {
  lab = await HttpLab.start();
});
after(() => lab.close());
afterEach(() => lab.tidyUp());

/** A target that keeps what it hears, and a way to it. */
async function listener(more: Readonly<Record<string, string>> = {}): Promise<Way & { readonly heard: string[] }> {
  const heard: string[] = [];
  const { port } = await lab.target((request, response) => {
    void bodyOf(request).then((body) => {
      heard.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)} ${body}`);
      response.end('ok');
    });
  });
  return { ...(await lab.wayTo(port, more)), heard };
}

/** Status of one request over HTTP/2, or the words of its failure. */
function ask(session: http2.ClientHttp2Session, headers: http2.OutgoingHttpHeaders, body?: string): Promise<string> {
  return new Promise((resolve) => {
    const stream = session.request(headers, { endStream: body === undefined });
    stream.once('response', (answered) => resolve(String(answered[':status'])));
    stream.once('error', (error) => resolve(error.message));
    stream.resume();
    if (body !== undefined) stream.end(body);
  });
}

describe('A22: what HTTP/2 lets through and HTTP/1.1 would read in another way', () => {
  test('a body that is not as long as it says never becomes a second request', async () => {
    const { url, heard } = await listener();
    const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
    for (const length of ['0', '3', '1000']) {
      const session = http2.connect(url).on('error', () => undefined);
      await ask(session, { ':method': 'POST', ':path': '/', 'content-length': length }, smuggled);
      session.destroy();
    }
    assert.equal(
      heard.some((request) => request.startsWith('GET /smuggled')),
      false,
    );
    assert.equal(await (await fetch(`${url}/after`)).text(), 'ok');
    assert.match(heard.at(-1) ?? '', /^GET \/after /);
  });

  test('a body’s framing of HTTP/1.1 is no header here', async () => {
    const { port, heard } = await listener();
    const socket = lab.dial(port);
    // By hand, because no client would write it: HEADERS with the static and literal fields of a request, and transfer-encoding.
    const literal = (name: string, value: string): Buffer =>
      Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)]);
    const fields = [literal(':method', 'POST'), literal(':scheme', 'http'), literal(':path', '/te'), literal(':authority', 'a')];
    const block = Buffer.concat([...fields, literal('transfer-encoding', 'chunked')]);
    const frame = Buffer.alloc(9);
    frame.writeUIntBE(block.length, 0, 3);
    frame.set([1, 4, 0, 0, 0, 1], 3);
    socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]), frame, block]));
    const answer: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => answer.push(chunk));
    // RST_STREAM (3) or GOAWAY (7): either says that it was wrong.
    await until('it is refused', () => framesOf(Buffer.concat(answer)).some((type) => type === 3 || type === 7));
    assert.deepEqual(heard, []);
  });
});

function framesOf(bytes: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) types.push(bytes[at + 3] ?? 0);
  return types;
}

describe('A22: what is spoken behind a request that was judged', () => {
  test('is not HTTP/2 in clear text, nor TLS, where a target would go over to that', async () => {
    const heard: string[] = [];
    const port = await lab.rawTarget((socket, request) => {
      heard.push(request);
      const asked = /^upgrade: (.*)\r$/im.exec(request)?.[1];
      socket.end(
        asked === undefined
          ? 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
          : `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${asked}\r\n\r\n`,
      );
    });
    const { port: local } = await lab.wayTo(port);
    for (const upgrade of ['h2c', 'H2C', 'websocket, h2c', 'HTTP/2.0', 'TLS/1.2', 'websocket\r\nUpgrade: h2c']) {
      const socket = lab.dial(local);
      socket.write(
        `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close, HTTP2-Settings\r\nUpgrade: ${upgrade}\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`,
      );
      assert.match(await heardUntilClose(socket), /^HTTP\/1\.1 200 /, upgrade);
    }
    assert.equal(/upgrade|http2/i.test(heard.join('')), false);
  });

  test('is nothing that a CONNECT over HTTP/2 would lead to', async () => {
    const { url, heard } = await listener();
    const session = http2.connect(url);
    const stream = session.request({ ':method': 'CONNECT', ':authority': '127.0.0.1:22' }).end();
    const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders & { ':status'?: number }];
    assert.equal(headers[':status'], 405);
    assert.equal(await ask(session, { ':path': '/after' }), '200');
    assert.equal(heard.length, 1);
    session.destroy();
  });
});

test('A24: a request does not say by a header what it is instead', async () => {
  const { url, heard } = await listener();
  for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override']) {
    assert.equal((await fetch(url, { method: 'POST', headers: { [name]: 'DELETE' } })).status, 400, name);
  }
  assert.deepEqual(heard, []);
  await fetch(url, {
    headers: { 'x-original-url': '/admin', 'x-rewrite-url': '/admin', 'x-forwarded-host': 'evil', 'x-real-ip': '1.1.1.1' },
  });
  assert.equal(/admin|evil|1\.1\.1\.1/.test(heard[0] ?? 'nothing'), false);
});

test('A24: an encoded path is judged by what it says', async () => {
  const { port } = await lab.target((_request, response) => void response.end('reached'));
  const { port: local } = await lab.wayTo(port, {}, { deny: ['/secrets'] });
  for (const path of ['/%73ecrets', '/%2573ecrets', '/x/..//secrets', '//secrets', '/x%2fsecrets', '/\\secrets']) {
    const socket = lab.dial(local);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    assert.match(await heardUntilClose(socket), /^HTTP\/1\.1 403 /, path);
  }
});

test('A23: a name that leads to where clouds keep credentials is refused, whatever it is called', async () => {
  // A name of /etc/hosts is resolved as any other, and what it leads to is checked where it is dialled.
  for (const url of [
    'http://169.254.169.254.nip.invalid',
    'http://[::ffff:a9fe:a9fe]',
    'http://0251.0376.0251.0376',
    'http://169.254.43518',
  ]) {
    const connection = await lab.system.connection({ REMOTE_URL: url }, undefined, { type: 'application', subtype: 'httpproxy' });
    const answer = await fetch((await lab.open(connection)).url);
    assert.equal(answer.status, 502, url);
    assert.match(await answer.text(), /link-local|unknown|cannot be resolved/);
  }
});

describe('A25: a WebSocket', () => {
  async function webSocket(): Promise<{ client: WebSocket; server: WebSocket }> {
    const target = await lab.target((_request, response) => response.end());
    const sockets = new WebSocketServer({ server: target });
    const { url } = await lab.wayTo(target.port);
    const accepted = once(sockets, 'connection');
    const client = new WebSocket(url.replace('http', 'ws'));
    await once(client, 'open');
    return { client, server: (await accepted)[0] as WebSocket };
  }

  test('passes messages that are large, and many small ones, in their order', async () => {
    const { client, server } = await webSocket();
    server.on('message', (data, isBinary) => server.send(data, { binary: isBinary }));
    client.send(Buffer.alloc(8 << 20, 7));
    assert.ok(((await once(client, 'message'))[0] as Buffer).equals(Buffer.alloc(8 << 20, 7)));
    const heard: string[] = [];
    client.on('message', (data) => heard.push(String(data)));
    for (let at = 0; at < 5_000; at++) client.send(String(at));
    await until('all are back', () => heard.length === 5_000);
    assert.deepEqual(
      heard,
      Array.from({ length: 5_000 }, (_, at) => String(at)),
    );
    client.terminate();
  });

  test('that is flooded with pings hears them all and answers', async () => {
    const { client, server } = await webSocket();
    let pings = 0;
    server.on('ping', () => pings++);
    // A peer may answer the newest of several pings alone (RFC 6455 5.5.3).
    const pong = once(client, 'pong');
    for (let at = 0; at < 2_000; at++) client.ping();
    await until('every ping is heard', () => pings === 2_000);
    await pong;
    client.terminate();
  });

  test('closes as it is closed', async () => {
    const { client, server } = await webSocket();
    server.close(4001, 'enough');
    const [code, reason] = (await once(client, 'close')) as [number, Buffer];
    assert.deepEqual([code, String(reason)], [4001, 'enough']);
  });

  test('whose client is gone without a word is gone at the target too', async () => {
    const { client, server } = await webSocket();
    const closed = once(server, 'close');
    client.terminate();
    await closed;
  });

  test('whose target is gone without a word is gone for the client too', async () => {
    const { client, server } = await webSocket();
    const closed = once(client, 'close');
    server.terminate();
    assert.equal((await closed)[0], 1006);
  });
});

test('A39: a client that asks and gives up thousands of times is sent away, and others are served', async () => {
  const { url } = await listener();
  const session = http2.connect(url);
  const closed = new Promise((resolve) => session.once('close', resolve));
  session.on('error', () => undefined);
  for (let at = 0; at < 5_000 && !session.destroyed; at++) {
    const stream = session.request({ ':path': `/${at}` });
    stream.on('error', () => undefined);
    stream.close(http2.constants.NGHTTP2_CANCEL);
    if (at % 100 === 0) await new Promise(setImmediate);
  }
  await closed;
  assert.equal(await (await fetch(url)).text(), 'ok');
});

test('A10: a compressed answer that is a bomb is masked piece by piece, at the pace of its reader', async () => {
  const bomb = gzipSync(Buffer.alloc(400 << 20, 'ada@example.org and so on\n'));
  const { port } = await lab.target((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-encoding': 'gzip', 'content-length': bomb.length }).end(bomb);
  });
  const { url } = await lab.wayTo(port, {}, { mask: ['EMAIL_ADDRESS'] });
  const before = process.memoryUsage();
  const reader = (await fetch(url)).body?.getReader();
  let bytes = 0;
  let most = 0;
  while (bytes < 8 << 20) {
    const { value } = (await reader?.read()) ?? {};
    assert.ok(value);
    bytes += value.length;
    assert.equal(Buffer.from(value).includes('@'), false);
    const { arrayBuffers } = process.memoryUsage();
    most = Math.max(most, arrayBuffers - before.arrayBuffers);
  }
  await reader?.cancel();
  assert.ok(most < 128 << 20, `${most >> 20} MiB of buffers for ${bytes >> 20} MiB that were read`);
});
