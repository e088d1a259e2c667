import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { routes } from '@hoop/contract/routes/all';
import { TunnelClient } from '@hoop/tunnel/client';
import { createClient } from 'redis';
import { LocalPort } from '../../support/local-port.ts';
import type { Kind, Policy } from '../../support/office.ts';
import { runProgram } from '../../support/program.ts';
import { System } from '../../support/system.ts';
import { TestRedis } from '../../support/test-redis.ts';
import { until } from '../../support/until.ts';

const TCP: Kind = { type: 'application', subtype: 'tcp' };

let system: System;
let redis: TestRedis;
let tunnel: TunnelClient;
const open: { close(): void }[] = [];

before(async () => {
  redis = await TestRedis.start();
  system = await System.start({ agent: 'tunnel' });
  const { host, port } = system.gateway.addresses.tunnel;
  tunnel = await TunnelClient.dial({ host, port, tls: { skipVerify: true } });
});
after(async () => {
  tunnel.close();
  await system.close();
  await redis.stop();
});
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

interface Way {
  readonly connection: string;
  readonly port: number;
  readonly failures: string[];
}

/** A local port that leads to a service, as `hoop connect` opens it. */
async function wayTo(port: number, more: Readonly<Record<string, string>> = {}, policy?: Policy): Promise<Way> {
  const connection = await system.connection({ HOST: '127.0.0.1', PORT: String(port), ...more }, policy, TCP);
  const local = await LocalPort.open(tunnel, connection, system.office.token);
  open.push(local);
  return { connection, port: local.port, failures: local.failures };
}

/** A service that does something with each of its clients. */
async function service(serve: (socket: Socket) => void): Promise<number> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    serve(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  open.push(server);
  return (server.address() as net.AddressInfo).port;
}

function dial(port: number): Socket {
  const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  open.push({ close: () => socket.destroy() });
  return socket;
}

async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe('redis through a tcp connection', () => {
  test('serves redis-cli, which logs in and pipelines', async () => {
    const { port } = await wayTo(redis.port);
    const args = ['-h', '127.0.0.1', '-p', String(port), '-a', redis.password, '--no-auth-warning'];
    const said = await runProgram('redis-cli', args, { input: 'set greeting hello\nget greeting\n' });
    assert.equal(said.stdout, 'OK\nhello\n');
    const piped = await runProgram('redis-cli', [...args, '--pipe'], { input: 'SET a 1\r\n'.repeat(10_000) });
    assert.match(piped.stdout, /errors: 0, replies: 10000/);
  });

  test('serves a driver with subscriptions and large values, and records the session with its bytes', async () => {
    const { port, connection } = await wayTo(redis.port);
    const client = createClient({ url: `redis://:${redis.password}@127.0.0.1:${port}` });
    await client.connect();
    const value = randomBytes(3_000_000).toString('base64');
    await client.set('large', value);
    assert.equal(await client.get('large'), value);
    const answers = await Promise.all(Array.from({ length: 1_000 }, (_, index) => client.incrBy('sum', index)));
    assert.deepEqual([answers.length, answers.at(-1)], [1_000, 499_500], 'a thousand commands at once, answered in order');
    const subscriber = client.duplicate();
    await subscriber.connect();
    const heard = Promise.withResolvers<string>();
    await subscriber.subscribe('news', (message) => heard.resolve(message));
    await client.publish('news', 'it works');
    assert.equal(await heard.promise, 'it works');
    subscriber.destroy();
    client.destroy();
    await until('both sessions are over', async () => (await system.office.sessions(connection)).every(({ status }) => status === 'done'));
    const [first] = await system.office.sessions(connection);
    assert.ok(first);
    assert.ok(Number(first.metrics.bytes_in) > value.length && Number(first.metrics.bytes_out) > value.length);
    const [action] = await system.office.actions(first.id);
    assert.equal(action?.text, `127.0.0.1:${redis.port}`);
    assert.ok((action?.outcome?.bytes ?? 0) > value.length);
  });
});

describe('a tcp connection', () => {
  test('lets a client that has said everything hear the whole answer', async () => {
    const port = await service((socket) => {
      void readAll(socket).then((said) => socket.end(`you said ${said.length} bytes`));
    });
    const client = dial((await wayTo(port)).port);
    client.end(Buffer.alloc(1_000_000));
    assert.equal(String(await readAll(client)), 'you said 1000000 bytes');
  });

  test('lets a service that has said everything hear the rest of what the client says', async () => {
    const heard = Promise.withResolvers<string>();
    const port = await service((socket) => {
      socket.end('that is all');
      void readAll(socket).then((said) => heard.resolve(String(said)));
    });
    const { port: local, connection } = await wayTo(port);
    const client = dial(local);
    assert.equal(String(await readAll(client)), 'that is all');
    client.write('and then ');
    client.end('I left');
    assert.equal(await heard.promise, 'and then I left');
    const session = await system.office.endedSession(connection);
    const [action] = await system.office.actions(session.id);
    assert.deepEqual([action?.outcome?.bytes, session.end_reason], ['that is all'.length, 'client_left']);
  });

  test('moves 64 MiB each way at once without a byte wrong', async () => {
    const port = await service((socket) => void socket.pipe(socket));
    const client = dial((await wayTo(port)).port);
    const sent = createHash('sha256');
    const came = createHash('sha256');
    const block = randomBytes(1 << 20);
    const reading = (async () => {
      for await (const chunk of client) came.update(chunk as Buffer);
    })();
    for (let mib = 0; mib < 64; mib++) {
      block.writeUInt32LE(mib);
      sent.update(block);
      if (!client.write(Buffer.from(block))) await once(client, 'drain');
    }
    client.end();
    await reading;
    assert.equal(came.digest('hex'), sent.digest('hex'));
  });

  test('ends when nothing was sent for as long as it allows, and the record says why', async () => {
    const port = await service(() => undefined);
    const { port: local, connection } = await wayTo(port, { IDLE_SECONDS: '1' });
    assert.equal((await readAll(dial(local))).length, 0);
    assert.equal((await system.office.endedSession(connection)).end_reason, 'session_idle');
  });

  test('records what is said both ways where it is captured, and nothing of it elsewhere', async () => {
    const port = await service((socket) => void readAll(socket).then((said) => socket.end(`heard ${said.length}`)));
    const shown: Record<string, string[]> = {};
    for (const capture of ['on', 'off']) {
      const { port: local, connection } = await wayTo(port, { CAPTURE: capture });
      const client = dial(local);
      client.end('the password');
      assert.equal(String(await readAll(client)), 'heard 12');
      const { id } = await system.office.endedSession(connection);
      const session = await system.office.api.call(routes.getSession, { params: { session_id: id }, query: { expand: 'event_stream' } });
      const events = (session.event_stream ?? []).map(({ event }) => event);
      shown[capture] = events.flatMap((event) => (event.type === 'output' ? [`${event.stream} ${Buffer.from(event.data, 'base64')}`] : []));
    }
    assert.deepEqual(shown, { on: ['stdin the password', 'stdout heard 12'], off: [] });
    await assert.rejects(wayTo(port, { CAPTURE: 'perhaps' }), /CAPTURE must be on or off/);
  });

  test('is closed to the client when the service is down, and the record says why', async () => {
    const closed = await service(() => undefined);
    open.pop()?.close();
    const { port: local, connection } = await wayTo(closed);
    assert.equal((await readAll(dial(local))).length, 0);
    assert.equal((await system.office.endedSession(connection)).end_reason, 'target_unreachable');
  });

  test('ends at once when it is killed, though neither side says anything', async () => {
    const gone = Promise.withResolvers<void>();
    const port = await service((socket) => socket.on('end', () => gone.resolve()).resume());
    const { port: local, connection } = await wayTo(port);
    const client = dial(local);
    const ended = once(client.resume(), 'end');
    await system.office.kill((await system.office.openSession(connection)).id);
    await Promise.all([ended, gone.promise]);
  });

  test('refuses native credentials, because opaque bytes have no place for a secret', async () => {
    const { connection } = await wayTo(redis.port);
    await assert.rejects(
      system.office.api.call(routes.createCredential, { params: { nameOrID: connection }, body: {} }),
      /credential|native/i,
    );
  });
});

test('a guardrail that would have to read what is said is refused when it is saved', async () => {
  await assert.rejects(wayTo(redis.port, {}, { deny: ['FLUSHALL'] }), /tcp|statements|cannot/i);
});

test('a data masking rule is refused, because opaque bytes cannot be masked', async () => {
  await assert.rejects(wayTo(redis.port, {}, { mask: ['EMAIL_ADDRESS'] }), /tcp|mask|cannot/i);
});
