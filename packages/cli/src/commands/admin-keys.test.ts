import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Resource } from '@hoop/contract/routes/resources';
import { FakeGateway, Refused } from '../testing/fake-gateway.ts';
import { AGENT_ID, agent, connection } from '../testing/fixtures.ts';
import { Shell } from '../testing/shell.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hoop-keys-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const KEY = 'grpcs://_default:xagt-mzv7CRgUs23TgHpk0XNmll0TO37qfwM0D3JGQpwGPa8@gw.example.com:8010';

test('the organization key is alone on stdout when it is made and when it is shown', async () => {
  const orgKey = { id: AGENT_ID, key: KEY };
  let deleted = 0;
  await using gateway = await FakeGateway.start({
    createOrgKey: () => orgKey,
    getOrgKey: () => orgKey,
    deleteOrgKey: () => void deleted++,
  });
  using shell = Shell.at(gateway);
  for (const name of ['orgkeys', 'orgkey']) {
    for (const verb of ['create', 'get']) {
      assert.deepEqual(await shell.run(['admin', verb, name]), { code: 0, out: `${KEY}\n`, err: '' }, `${verb} ${name}`);
    }
    assert.equal((await shell.run(['admin', 'delete', name])).code, 0);
  }
  assert.equal(deleted, 2);
  assert.deepEqual(JSON.parse((await shell.run(['admin', 'get', 'orgkeys', '--json'])).out), orgKey);
});

test('where there is no organization key, stdout stays empty and stderr says how to make it', async () => {
  await using gateway = await FakeGateway.start({
    getOrgKey: () => {
      throw new Refused(404, 'not_found', 'There is none');
    },
  });
  using shell = Shell.at(gateway);
  const { code, out, err } = await shell.run(['admin', 'get', 'orgkeys']);
  assert.deepEqual([code, out], [1, '']);
  assert.match(err, /hoop admin create orgkeys/);
});

test('an agent for networks that only let HTTP out gets a key with the API’s address', async () => {
  const asked: unknown[] = [];
  await using gateway = await FakeGateway.start({
    createAgent: ({ body }) => {
      asked.push(body);
      return { token: KEY };
    },
  });
  using shell = Shell.at(gateway);
  assert.equal((await shell.run(['admin', 'create', 'agent', 'dev', '--scheme', 'https'])).out, `${KEY}\n`);
  assert.deepEqual(asked, [{ name: 'dev', mode: 'standard', transport: 'http' }]);
  assert.equal((await shell.run(['admin', 'create', 'agent', 'dev', '--scheme', 'ftp'])).code, 2);
});

test('what stands behind -- is the command of a connection, word for word', async () => {
  const asked: unknown[] = [];
  await using gateway = await FakeGateway.start({
    getAgent: () => agent(),
    createConnection: ({ body }) => {
      asked.push(body);
      return connection();
    },
  });
  using shell = Shell.at(gateway);
  const file = join(scratch, 'kubeconfig');
  writeFileSync(file, 'apiVersion: v1\n');
  const command = ['bash', '-c', 'echo "$1" -- | cat', '--', '-e', 'A=B', '', '--json'];
  const words = [
    'admin',
    'create',
    'connection',
    'sh',
    '-a',
    'dev',
    '-e',
    'A=1',
    '-e',
    `filesystem:KUBECONFIG=file://${file}`,
    '--',
    ...command,
  ];
  assert.deepEqual(await shell.run(words), { code: 0, out: 'connection "sh" created\n', err: '' });
  const [body] = asked as { command: string[]; secret: Record<string, string>; type: string }[];
  assert.deepEqual(body?.command, command);
  assert.equal(body?.type, 'custom');
  const secret = Object.entries(body?.secret ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]);
  assert.deepEqual(secret, [
    ['envvar:A', '1'],
    ['filesystem:KUBECONFIG', 'apiVersion: v1\n'],
  ]);
});

test('a connection without an agent of its own shows the one of its resource', async () => {
  await using gateway = await FakeGateway.start({
    listAgents: () => [agent()],
    listConnections: () => [
      connection({ name: 'sh', type: 'custom', subtype: '', command: ['bash', '-l'], agent_id: '', effective_agent_id: AGENT_ID }),
    ],
  });
  using shell = Shell.at(gateway);
  const { out } = await shell.run(['admin', 'get', 'connections']);
  assert.equal(
    out,
    'NAME   COMMAND   TYPE     AGENT     STATUS   SECRETS   PLUGINS\nsh     bash -l   custom   default   online   2         audit\n',
  );
});

test('resources are made, shown and deleted', async () => {
  const time = '2026-11-21T08:00:00.000Z';
  const resource: Resource = {
    id: 'r1',
    name: 'orders',
    type: 'database',
    subtype: 'postgres',
    agent_id: AGENT_ID,
    env_vars: {},
    env_keys: ['envvar:HOST'],
    connections: ['orders-ro', 'orders-rw'],
    created_at: time,
    updated_at: time,
  };
  const asked: unknown[] = [];
  await using gateway = await FakeGateway.start({
    getAgent: () => agent(),
    listAgents: () => [agent()],
    listResources: () => [resource],
    deleteResource: ({ params }) => void asked.push(params.name),
    createResource: ({ body }) => {
      asked.push(body);
      return resource;
    },
  });
  using shell = Shell.at(gateway);
  const made = await shell.run(['admin', 'create', 'resource', 'orders', '-a', 'default', '-t', 'database/postgres', '-e', 'HOST=db']);
  assert.deepEqual(made, { code: 0, out: 'resource "orders" created\n', err: '' });
  const { out } = await shell.run(['admin', 'get', 'resources']);
  assert.equal(
    out,
    'NAME     TYPE                AGENT     VARIABLES   CONNECTIONS\norders   database/postgres   default   1           orders-ro,orders-rw\n',
  );
  assert.equal((await shell.run(['admin', 'delete', 'resource/orders'])).out, 'resource "orders" deleted\n');
  const env_vars = { 'envvar:HOST': Buffer.from('db').toString('base64') };
  assert.deepEqual(asked, [{ name: 'orders', type: 'database', subtype: 'postgres', agent_id: AGENT_ID, env_vars }, 'orders']);
});
