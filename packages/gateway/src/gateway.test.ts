import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { get } from 'node:https';
import net from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseDsn } from '@hoop/contract/agent-key';
import { createClient } from '@hoop/contract/client';
import { routes } from '@hoop/contract/routes/all';
import { AppError, Misconfigured } from '@hoop/core/errors';
import { silentLog } from '@hoop/core/log';
import { AuditLog } from '@hoop/store/audit/audit-log';
import { openStore } from '@hoop/store/store';
import { TunnelClient } from '@hoop/tunnel/client';
import { type GatewayConfig, loadConfig } from './config.ts';
import { NATIVE_VARIABLES, readEnv } from './env.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { PASSWORD, scratchDirectory } from './testing/fixtures.ts';

const ANY_PORT = {
  API_LISTEN: '127.0.0.1:0',
  GRPC_LISTEN: '127.0.0.1:0',
  ...Object.fromEntries(Object.values(NATIVE_VARIABLES).map(({ listen }) => [listen, '127.0.0.1:0'])),
};

const configOf = (home: string, env: NodeJS.ProcessEnv = {}): GatewayConfig =>
  loadConfig(readEnv({ HOOP_HOME: home, ...ANY_PORT, ...env }, false));

async function started(config: GatewayConfig): Promise<Gateway & AsyncDisposable> {
  const gateway = await startGateway(config, silentLog());
  return Object.assign(gateway, { [Symbol.asyncDispose]: () => gateway.close() });
}

async function admin(gateway: Gateway) {
  const baseUrl = gateway.addresses.apiUrl;
  const body = { email: 'admin@hoop.test', password: PASSWORD };
  const { headers } = await createClient({ baseUrl }).send(routes.register, { body });
  const token = headers.get('token') ?? '';
  return { token, client: createClient({ baseUrl, token }) };
}

test('a gateway starts from nothing, and a new agent’s key leads to its tunnel', async () => {
  using scratch = scratchDirectory();
  await using gateway = await started(configOf(join(scratch.path, 'home')));
  const { client } = await admin(gateway);
  const dsn = parseDsn((await client.call(routes.createAgent, { body: { name: 'dev' } })).token);
  assert.equal(dsn.port, gateway.addresses.tunnel.port);
  const link = await TunnelClient.dial({ host: dsn.host, port: dsn.port, tls: { pin: dsn.pin ?? '' } });
  link.close();
  await assert.rejects(
    TunnelClient.dial({ host: dsn.host, port: dsn.port, tls: { pin: 'x'.repeat(43) } }),
    (error: unknown) => error instanceof AppError && error.code === 'gateway_certificate',
  );
  assert.equal(statSync(join(scratch.path, 'home')).mode & 0o777, 0o700);
});

test('a second gateway on the same directory is refused, and the first one goes on', async () => {
  using scratch = scratchDirectory();
  await using gateway = await started(configOf(scratch.path));
  await assert.rejects(
    started(configOf(scratch.path)),
    (error: unknown) => error instanceof Misconfigured && error.code === 'store_in_use',
  );
  assert.equal((await createClient({ baseUrl: gateway.addresses.apiUrl }).call(routes.getReadiness)).ready, true);
});

test('a port that is taken is told with the variable that gives another, and nothing is left open', async () => {
  using scratch = scratchDirectory();
  const taken = net.createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as net.AddressInfo;
  for (const variable of ['API_LISTEN', 'GRPC_LISTEN', 'POSTGRES_LISTEN']) {
    await assert.rejects(started(configOf(scratch.path, { [variable]: `127.0.0.1:${port}` })), (error: unknown) => {
      assert.ok(error instanceof Misconfigured && error.code === 'cannot_listen', String(error));
      assert.match(error.message, new RegExp(`:${port}: another process listens there; .*${variable}`));
      return true;
    });
  }
  taken.close();
  await using again = await started(configOf(scratch.path));
  assert.ok(again.addresses.apiUrl);
});

test('logins, users and keys outlive a restart', async () => {
  using scratch = scratchDirectory();
  let token = '';
  let pin: string | undefined;
  {
    await using gateway = await started(configOf(scratch.path));
    const session = await admin(gateway);
    token = session.token;
    pin = parseDsn((await session.client.call(routes.createAgent, { body: { name: 'dev' } })).token).pin;
  }
  await using gateway = await started(configOf(scratch.path));
  const client = createClient({ baseUrl: gateway.addresses.apiUrl, token });
  assert.equal((await client.call(routes.getUserInfo)).email, 'admin@hoop.test');
  assert.equal(parseDsn((await client.call(routes.createAgent, { body: { name: 'dev2' } })).token).pin, pin);
});

test('a draining gateway says so, takes no new native clients, and closes', async () => {
  using scratch = scratchDirectory();
  await using gateway = await started(configOf(scratch.path));
  const native = gateway.addresses.native.get('postgres');
  assert.ok(native);
  await gateway.drain(1_000);
  const answer = await fetch(`${gateway.addresses.apiUrl}/api/readyz`);
  assert.deepEqual([answer.status, await answer.json()], [503, { ready: false, reason: 'draining' }]);
  const refused = await new Promise<string | undefined>((resolve) => {
    const socket = net.connect(native);
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    socket.once('connect', () => resolve('connected'));
  });
  assert.equal(refused, 'ECONNREFUSED');
  await gateway.close();
  await assert.rejects(fetch(`${gateway.addresses.apiUrl}/api/healthz`));
});

test('sessions that a killed gateway left open are closed at the next start, with their records', async () => {
  using scratch = scratchDirectory();
  const id = randomUUID();
  let gatewayId = '';
  let token = '';
  {
    await using gateway = await started(configOf(scratch.path));
    token = (await admin(gateway)).token;
    gatewayId = readFileSync(join(scratch.path, 'gateway.id'), 'utf8');
  }
  {
    // What a gateway has written when it is killed in the middle of a session.
    const key = readFileSync(join(scratch.path, 'encryption.key'), 'utf8');
    await using store = await openStore({ home: scratch.path, encryptionKey: Buffer.from(key, 'base64'), log: silentLog() });
    const audit = AuditLog.open({ directory: join(scratch.path, 'audit'), log: silentLog() });
    await store.sessions.insert({
      ...{ id, userId: randomUUID(), userEmail: 'u@hoop.test', userName: 'u', connection: 'pg', type: 'database', subtype: 'postgres' },
      ...{ verb: 'connect', origin: 'native', status: 'open', gatewayId, startedAt: Date.now() },
    });
    audit.append(id, Buffer.from(JSON.stringify({ type: 'action', seq: 1, via: 'query', text: 'select 1', verdict: 'allow' })));
    await audit.close();
  }
  await using gateway = await started(configOf(scratch.path));
  const client = createClient({ baseUrl: gateway.addresses.apiUrl, token });
  const session = await client.call(routes.getSession, { params: { session_id: id }, query: { expand: 'actions,event_stream' } });
  assert.deepEqual([session.status, session.end_reason], ['done', 'gateway_died']);
  assert.equal(session.actions?.[0]?.text, 'select 1');
  assert.equal(session.event_stream?.at(-1)?.event.type, 'session.close');
});

test('with TLS, the API is served by the gateway’s own certificate', async () => {
  using scratch = scratchDirectory();
  await using gateway = await started(configOf(scratch.path, { USE_TLS: 'true' }));
  assert.match(gateway.addresses.apiUrl, /^https:/);
  await assert.rejects(fetch(`${gateway.addresses.apiUrl}/api/healthz`), /fetch failed/);
  const headers = await new Promise<Record<string, unknown>>((resolve, reject) => {
    const ca = readFileSync(join(scratch.path, 'tls', 'ca.pem'));
    get(`${gateway.addresses.apiUrl}/api/healthz`, { ca, agent: false }, (answer) => resolve(answer.resume().headers)).once(
      'error',
      reject,
    );
  });
  assert.match(String(headers['strict-transport-security']), /max-age/);
});

test('metrics are open on this machine and closed to the world', async () => {
  using scratch = scratchDirectory();
  {
    await using local = await started(configOf(join(scratch.path, 'local')));
    assert.match(await (await fetch(`${local.addresses.apiUrl}/metrics`)).text(), /hoop_ready 1/);
  }
  const env = { API_URL: 'http://hoop.example/gw', METRICS_TOKEN: 'scrape-scrape-scrape' };
  await using gateway = await started(configOf(join(scratch.path, 'public'), env));
  // The public address leads nowhere in a test; the port is what the operating system says.
  const { apiPort: port } = gateway;
  const scrape = async (authorization?: string): Promise<number> =>
    (await fetch(`http://127.0.0.1:${port}/gw/metrics`, authorization ? { headers: { authorization } } : {})).status;
  assert.deepEqual([await scrape(), await scrape('Bearer wrong'), await scrape('Bearer scrape-scrape-scrape')], [401, 401, 200]);
  assert.equal((await fetch(`http://127.0.0.1:${port}/gw/api/healthz`)).status, 200, 'the API lives under the path of API_URL');
  assert.equal((await fetch(`http://127.0.0.1:${port}/api/healthz`)).status, 404);
});
