import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import { FRAME_KINDS } from '@hoop/contract/tunnel';
import { Refusal } from '@hoop/core/errors';
import { silentLog } from '@hoop/core/log';
import { type ClientRequest, TunnelServer } from '@hoop/tunnel/server';
import type { FrameStream } from '@hoop/tunnel/stream';
import { StreamWire } from '@hoop/tunnel/stream-wire';
import { saveStored } from '../config.ts';
import { certificateForThisMachine, type TestCertificate } from '../testing/certificate.ts';
import { FakeGateway, type Handlers } from '../testing/fake-gateway.ts';
import { connection, serverInfo } from '../testing/fixtures.ts';
import { type Running, Shell } from '../testing/shell.ts';

/** A real tunnel whose far end answers each chunk in capitals, and the API that leads to it. */
class Rig implements AsyncDisposable {
  readonly requests: ClientRequest[] = [];
  readonly #tunnel: TunnelServer;
  readonly port: number;
  readonly api: FakeGateway;
  readonly shell: Shell;

  private constructor(tunnel: TunnelServer, requests: ClientRequest[], port: number, api: FakeGateway) {
    this.#tunnel = tunnel;
    this.requests = requests;
    this.port = port;
    this.api = api;
    this.shell = Shell.at(api, 'user-token');
  }

  static async start(handlers: Handlers = {}, options: { port?: number; serve?: (stream: FrameStream) => void } = {}): Promise<Rig> {
    const requests: ClientRequest[] = [];
    const tunnel = tunnelServer(requests, options.serve ?? capitals);
    const port = await tunnel.listen('127.0.0.1', options.port ?? 0);
    const api = await FakeGateway.start({
      getConnection: () => connection(),
      getServerInfo: () => serverInfo({ grpc_url: `grpc://127.0.0.1:${port}` }),
      ...handlers,
    });
    return new Rig(tunnel, requests, port, api);
  }

  /** Starts `hoop connect demo -o json` and gives its local port once it listens. */
  async connect(words: readonly string[] = []): Promise<{ running: Running; port: number }> {
    const running = this.shell.start(['connect', 'demo', '-o', 'json', ...words]);
    await running.stdout.shows(/"ready"/);
    const { port } = ready(running).data;
    return { running, port };
  }

  cut(): void {
    this.#tunnel.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tunnel.close();
    this.shell[Symbol.dispose]();
    await this.api[Symbol.asyncDispose]();
  }
}

function tunnelServer(requests: ClientRequest[], serve: (stream: FrameStream) => void, tls?: TestCertificate): TunnelServer {
  return new TunnelServer({
    tls,
    plaintext: 'loopback',
    log: silentLog(),
    authenticateAgent: () => Promise.reject(new Refusal('unauthenticated', 'no agents here')),
    onAgent: () => undefined,
    onClient: (stream, request) => {
      request.proven();
      requests.push(request);
      serve(stream);
    },
  });
}

function capitals(stream: FrameStream): void {
  const wire = new StreamWire(stream, 'test');
  void wire
    .pump((chunk) => wire.write(Buffer.from(chunk.toString('utf8').toUpperCase())))
    .then(
      () => wire.end(),
      () => undefined,
    );
}

function ready(running: Running): { data: { port: number; hints: { label: string; text: string }[] } } {
  const line = running.stdout.text.split('\n').find((text) => text.includes('"ready"'));
  return JSON.parse(line ?? '{}');
}

function statuses(running: Running): string[] {
  return running.stdout.text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line).status);
}

/** Sends a text, and gives what comes back until the other side ends. */
function talk(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = dial(port, '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('utf8')));
    socket.end(text);
  });
}

async function occupy(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  return server;
}

const portOf = (server: Server): number => (server.address() as { port: number }).port;

test('bytes go both ways through the tunnel, as the user who is logged in, for several clients at once', async () => {
  await using rig = await Rig.start();
  const { running, port } = await rig.connect();
  const answers = await Promise.all(['one', 'two', 'three'].map((text) => talk(port, text)));
  assert.deepEqual(answers, ['ONE', 'TWO', 'THREE']);
  assert.deepEqual(
    rig.requests.map(({ token, connection }) => [token, connection]),
    Array.from({ length: 3 }, () => ['user-token', 'demo']),
  );
  running.stop(130);
  assert.equal(await running.done, 0);
  assert.deepEqual(statuses(running), ['connected', 'ready', 'disconnected']);
});

test('a large answer arrives whole', async () => {
  await using rig = await Rig.start();
  const { running, port } = await rig.connect();
  const text = 'abcdefgh'.repeat(512 * 1024);
  assert.equal(await talk(port, text), text.toUpperCase());
  running.stop(130);
  await running.done;
});

test('the banner says exactly what to type, on stderr, and stdout stays empty', async () => {
  await using rig = await Rig.start({ getConnection: () => connection({ default_database: 'app' }) });
  const free = await occupy(0);
  const port = portOf(free);
  await new Promise((resolve) => free.close(resolve));
  const running = rig.shell.start(['connect', 'demo', '-p', String(port)]);
  await running.stderr.shows(/Ready to accept connections/);
  const url = `postgres://noop:noop@127.0.0.1:${port}/app?sslmode=disable`;
  const lines = running.stderr.text.split('\n').map((line) => line.replace(/ {2,}/g, ' '));
  assert.ok(lines.includes(` Type: psql '${url}'`), running.stderr.text);
  assert.ok(lines.includes(` URL: ${url}`), running.stderr.text);
  assert.match(running.stderr.text, new RegExp(`^  Port: +${port}$`, 'm'));
  running.stop(130);
  assert.equal(await running.done, 0);
  assert.equal(running.stdout.text, '');
  assert.match(running.stderr.text, /Disconnected\n$/);
});

test('writes a kubeconfig for a cluster, and says how to use it', async () => {
  await using rig = await Rig.start({ getConnection: () => connection({ type: 'custom', subtype: 'kubernetes' }) });
  const running = rig.shell.start(['connect', 'demo']);
  await running.stderr.shows(/Ready to accept/);
  const path = /Type: +export KUBECONFIG=(\S+)/.exec(running.stderr.text)?.[1] ?? '';
  const port = /Port: +(\d+)/.exec(running.stderr.text)?.[1];
  assert.match(readFileSync(path, 'utf8'), new RegExp(`server: "http://127.0.0.1:${port}"`));
  running.stop(130);
  await running.done;
});

test('a usual port that is taken gives way to a free one, and the banner says so', async () => {
  await using rig = await Rig.start();
  // Taken by this test, or by somebody else already: both are the case that is tested.
  const taken = await occupy(5433).catch(() => undefined);
  try {
    const running = rig.shell.start(['connect', 'demo']);
    await running.stderr.shows(/Ready to accept connections/);
    const port = Number(/^ {2}Port: +(\d+)$/m.exec(running.stderr.text)?.[1]);
    assert.notEqual(port, 5433);
    assert.match(running.stderr.text, /The usual port was taken/);
    assert.equal(await talk(port, 'x'), 'X');
    running.stop(130);
    assert.equal(await running.done, 0);
  } finally {
    taken?.close();
  }
});

test('a port that was asked for and is taken is an error that says what to do', async () => {
  await using rig = await Rig.start();
  const taken = await occupy(0);
  try {
    const { code, out, err } = await rig.shell.run(['connect', 'demo', '--port', String(portOf(taken))]);
    assert.deepEqual([code, out], [1, '']);
    assert.match(err, /^Error: Port \d+ is taken or not allowed\. Leave --port out/);
  } finally {
    taken.close();
  }
});

test('a port that is none is refused before anything is asked', async () => {
  await using rig = await Rig.start();
  for (const port of ['0', '65536', 'x', '-1', '54.3']) assert.equal((await rig.shell.run(['connect', 'demo', '-p', port])).code, 2, port);
  assert.deepEqual(rig.api.calls, []);
});

test('an agent that is offline is waited for', async () => {
  let asked = 0;
  await using rig = await Rig.start({ getConnection: () => connection({ status: ++asked < 2 ? 'offline' : 'online' }) });
  const { running, port } = await rig.connect();
  assert.deepEqual(statuses(running), ['connected', 'agent_offline', 'ready']);
  assert.equal(await talk(port, 'hello'), 'HELLO');
  running.stop(130);
  await running.done;
});

test('Ctrl-C while the agent is waited for ends cleanly', async () => {
  await using rig = await Rig.start({ getConnection: () => connection({ status: 'offline' }) });
  const running = rig.shell.start(['connect', 'demo']);
  await running.stderr.shows(/The agent of demo is offline; trying again in 1 s \(1 of \d+\)/);
  running.stop(130);
  assert.equal(await running.done, 0);
});

test('Ctrl-C ends open local clients too', async () => {
  await using rig = await Rig.start();
  const { running, port } = await rig.connect();
  const socket = dial(port, '127.0.0.1');
  const first = new Promise<Buffer>((resolve) => socket.once('data', resolve));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => undefined);
  socket.write('still here');
  assert.equal(String(await first), 'STILL HERE');
  running.stop(130);
  assert.equal(await running.done, 0);
  await closed;
  assert.deepEqual(statuses(running), ['connected', 'ready', 'disconnected']);
});

test('a lost gateway is dialled again on the same local port, and clients come back', async () => {
  const rig = await Rig.start();
  const requests: ClientRequest[] = [];
  const again = tunnelServer(requests, capitals);
  try {
    const { running, port } = await rig.connect();
    assert.equal(await talk(port, 'before'), 'BEFORE');
    rig.cut();
    await running.stdout.shows(/"disconnected"/);
    await again.listen('127.0.0.1', rig.port);
    assert.equal(await talk(port, 'after'), 'AFTER');
    assert.equal(requests.length, 1);
    assert.deepEqual(statuses(running).slice(-1), ['connected']);
    running.stop(130);
    assert.equal(await running.done, 0);
  } finally {
    again.close();
    await rig[Symbol.asyncDispose]();
  }
});

test('a tunnel with TLS is trusted by the authority that the gateway tells, and by no other', async () => {
  const { key, cert } = await certificateForThisMachine();
  const other = await certificateForThisMachine();
  const tunnel = tunnelServer([], capitals, { key, cert });
  const grpc_url = `grpcs://127.0.0.1:${await tunnel.listen('127.0.0.1', 0)}`;
  let tls_ca = cert;
  await using rig = await Rig.start({ getServerInfo: () => serverInfo({ grpc_url, tls_ca }) });
  try {
    const { running, port } = await rig.connect();
    assert.equal(await talk(port, 'secret'), 'SECRET');
    running.stop(130);
    assert.equal(await running.done, 0);
    tls_ca = other.cert;
    const { code, err } = await rig.shell.run(['connect', 'demo']);
    assert.equal(code, 1);
    assert.match(err, /is not trusted/);
  } finally {
    tunnel.close();
  }
});

test('what the gateway refuses on a stream is told on stderr, and the local client is let go', async () => {
  const refusing = (stream: FrameStream): void => {
    stream.receive({ data: () => undefined, message: () => undefined, ended: () => undefined, broken: () => undefined });
    const plain = { kind: 'refusal', code: 'forbidden', message: 'You may not use demo' };
    void stream.send(FRAME_KINDS.fail, Buffer.from(JSON.stringify(plain)));
    stream.end();
  };
  await using rig = await Rig.start({}, { serve: refusing });
  const running = rig.shell.start(['connect', 'demo']);
  await running.stderr.shows(/Ready/);
  const port = Number(/^ {2}Port: +(\d+)$/m.exec(running.stderr.text)?.[1]);
  const socket: Socket = dial(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await Promise.all([new Promise((resolve) => socket.once('close', resolve)), running.stderr.shows(/You may not use demo/)]);
  running.stop(130);
  await running.done;
});

test('a token that was renewed meanwhile is used for the next client', async () => {
  await using rig = await Rig.start();
  const { running, port } = await rig.connect();
  await talk(port, 'x');
  saveStored(rig.shell.home, { api_url: rig.api.url, token: 'renewed' });
  await talk(port, 'x');
  assert.deepEqual(
    rig.requests.map(({ token }) => token),
    ['user-token', 'renewed'],
  );
  running.stop(130);
  await running.done;
});

test('connections that cannot be reached this way say what to do instead', async () => {
  const cases = [
    [connection({ access_mode_connect: 'disabled' }), 254, /may not be used with connect.*hoop exec/],
    [connection({ type: 'httpproxy', subtype: 'other' }), 1, /of type httpproxy\/other, which has no local port.*hoop exec/],
  ] as const;
  for (const [found, code, message] of cases) {
    await using rig = await Rig.start({ getConnection: () => found });
    const result = await rig.shell.run(['connect', 'demo']);
    assert.deepEqual([result.code, result.out], [code, '']);
    assert.match(result.err, message);
  }
});

test('a tunnel that cannot be reached at the start is an error, not an endless retry', async () => {
  await using rig = await Rig.start({ getServerInfo: () => serverInfo({ grpc_url: 'grpc://127.0.0.1:1' }) });
  const { code, err } = await rig.shell.run(['connect', 'demo']);
  assert.equal(code, 69);
  assert.match(err, /127\.0\.0\.1:1 cannot be reached/);
});

test('a tunnel address that is none names the variable to set', async () => {
  await using rig = await Rig.start();
  for (const url of ['127.0.0.1:8010', 'ftp://x', 'grpc://']) {
    const { code, err } = await rig.shell.run(['connect', 'demo'], { env: { HOOP_GRPCURL: url } });
    assert.equal(code, 2, url);
    assert.match(err, /HOOP_GRPCURL/);
  }
});
