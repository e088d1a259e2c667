import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { parseDsn } from '@hoop/contract/agent-key';
import { type Client, createClient } from '@hoop/contract/client';
import { routes } from '@hoop/contract/routes/all';
import type { AgentHello } from '@hoop/contract/tunnel';
import { asAppError, Refusal } from '@hoop/core/errors';
import { AgentClient } from '@hoop/tunnel/agent-client';
import { TunnelClient } from '@hoop/tunnel/client';
import type { SessionHost } from '@hoop/tunnel/link';
import { loadConfig } from './config.ts';
import { NATIVE_VARIABLES, readEnv } from './env.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { fileLog, PASSWORD, scratchDirectory } from './testing/fixtures.ts';

const HELLO: AgentHello = {
  ...{ version: 1, product: '0.1.0', hostname: 'box', platform: 'linux/amd64', kernel: '6.1', machine: 'm-1', protocols: [], features: [] },
  mode: 'standard',
};
const APP = { name: 'app', type: 'custom', subtype: '', command: ['sh'], reviewers: [], redact_types: [] };

const HOST: SessionHost = {
  serve: (stream) => stream.destroy(),
  cancel: () => undefined,
  changePolicy: () => undefined,
  linkLost: () => undefined,
  takeUnconfirmed: () => [],
};

const scratch = scratchDirectory();
const file = fileLog(scratch.path);
let gateway: Gateway;
let api: Client;
let token = '';

before(async () => {
  const ports = Object.fromEntries(Object.values(NATIVE_VARIABLES).map(({ listen }) => [listen, '127.0.0.1:0']));
  const env = { HOOP_HOME: scratch.path, API_LISTEN: '127.0.0.1:0', GRPC_LISTEN: '127.0.0.1:0', ...ports };
  gateway = await startGateway(loadConfig(readEnv(env, false)), file.log);
  const baseUrl = gateway.addresses.apiUrl;
  const { headers } = await createClient({ baseUrl }).send(routes.register, { body: { email: 'admin@hoop.test', password: PASSWORD } });
  token = headers.get('token') ?? '';
  api = createClient({ baseUrl, token });
});

after(async () => {
  await gateway.close();
  file[Symbol.dispose]();
  scratch[Symbol.dispose]();
});

const keyOf = async (name: string, mode: 'standard' | 'embedded' = 'standard'): Promise<string> =>
  (await api.call(routes.createAgent, { body: { name, mode } })).token;

const tlsOf = (key: string) => {
  const { host, port, pin = '' } = parseDsn(key);
  return { host, port, tls: { pin } };
};

function agent(key: string, hello: AgentHello = HELLO): { client: AgentClient; over: Promise<unknown>; up: Promise<void> } {
  const up = Promise.withResolvers<void>();
  const onLink = (link: { readonly up: boolean }): void => void (link.up && up.resolve());
  const client = new AgentClient({ dial: tlsOf(key), key, hello, host: HOST, log: file.log.child({ part: 'test agent' }), onLink });
  return { client, over: client.run().catch(asAppError), up: up.promise };
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await setImmediate();
}

test('what an agent is and logs is shown, while it is linked and after', async () => {
  const { client, over, up } = agent(await keyOf('shown'));
  await up;
  const seen = () => api.call(routes.getAgent, { params: { nameOrID: 'shown' } });
  await until(async () => (await seen()).hostname === 'box');
  const { version, platform, kernel_version, machine_id, status } = await seen();
  assert.deepEqual([version, platform, kernel_version, machine_id, status], ['0.1.0', 'linux/amd64', '6.1', 'm-1', 'CONNECTED']);
  client.report([{ at_ms: Date.now(), level: 'warn', message: 'the disk is nearly full', facts: '{}' }]);
  const logs = () => api.call(routes.listServerLogs, { query: { agent: 'shown' } });
  await until(async () => (await logs()).some(({ message }) => message === 'the disk is nearly full'));
  client.stop();
  await over;
  await until(async () => (await seen()).status === 'DISCONNECTED');
  assert.equal((await seen()).hostname, 'box');
});

test('an agent with a key of the other kind is told so, and does not come back', async () => {
  const standard = await keyOf('plain');
  const { key: orgKey } = await api.call(routes.createOrgKey);
  const wrong = [agent(orgKey), agent(standard, { ...HELLO, mode: 'embedded', declares: APP }), agent(await keyOf('beside', 'embedded'))];
  for (const error of await Promise.all(wrong.map(({ over }) => over))) {
    assert.ok(error instanceof Refusal, String(error));
    assert.equal(error.code, 'agent_mode');
    assert.match(error.message, /hoop (run|admin)/);
  }
  assert.deepEqual(await api.call(routes.listConnections), []);
});

test('an agent whose connection has somebody else’s name is told so, and does not come back', async () => {
  const [mine, theirs] = [await keyOf('mine', 'embedded'), await keyOf('theirs', 'embedded')];
  const first = agent(mine, { ...HELLO, mode: 'embedded', declares: APP });
  await until(async () => (await api.call(routes.listConnections)).some(({ status }) => status === 'online'));
  const error = await agent(theirs, { ...HELLO, mode: 'embedded', declares: APP }).over;
  assert.ok(error instanceof Refusal && error.code === 'connection_taken', String(error));
  const [connection] = await api.call(routes.listConnections);
  assert.deepEqual([connection?.managed_by, connection?.status, connection?.name], ['hoopagent', 'online', 'app']);
  first.client.stop();
  await first.over;
  await until(async () => (await api.call(routes.listConnections))[0]?.status === 'offline');
});

test('A27: on the tunnel, too, no user’s token makes an agent and no agent’s key makes a user', async () => {
  const key = await keyOf('a27');
  const dsn = parseDsn(key);
  const asAgent = [token, key.replace(dsn.key, 'xagt-'.padEnd(48, 'x')), key.replace('//a27:', '//shown:')];
  for (const text of asAgent) {
    const client = new AgentClient({ dial: tlsOf(key), key: text, hello: HELLO, host: HOST, log: file.log });
    await assert.rejects(client.run(), (error: unknown) => error instanceof Refusal);
  }
  const link = await TunnelClient.dial(tlsOf(key));
  for (const secret of [key, dsn.key]) await assert.rejects(link.prove(secret), (error: unknown) => error instanceof Refusal);
  link.close();
});

test('A27: no key and no token stands in the log, whatever went wrong with it', async () => {
  const key = await keyOf('logged');
  const { client, over, up } = agent(key);
  await up;
  client.stop();
  await over;
  await api.call(routes.deleteAgent, { params: { nameOrID: 'logged' } });
  assert.ok((await agent(key).over) instanceof Refusal);
  const text = file.text();
  assert.ok(text.includes('"agent.delete"'));
  const { key: orgKey } = await api.call(routes.getOrgKey);
  for (const secret of [parseDsn(key).key, parseDsn(orgKey).key, token]) assert.ok(!text.includes(secret));
});
