import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusal } from '@hoop/core/errors';
import { secretHash } from '../identity/agent-keys.ts';
import { addConnection, encoded, handClock, identityFor, openApi, type TestApi } from '../testing/fixtures.ts';

const mint = (api: TestApi, body: object = {}) => api.call('standard', 'POST', '/connections/pg/credentials', body);

const refusedWith = (code: string) => (error: unknown) => error instanceof Refusal && error.code === code;

test('a mint gives what a client has to be told, the secret among it, this one time', async () => {
  const clock = handClock();
  await using api = await openApi({ clock });
  await addConnection(api);
  await api.call('admin', 'PATCH', '/connections/pg', { default_database: 'shop' });
  const { status, body } = await mint(api, { access_duration_seconds: 3600 });
  assert.equal(status, 201);
  const { password, connection_string, ...access } = body.connection_credentials;
  assert.match(password, /^pg-[A-Za-z0-9_-]{43}$/);
  assert.deepEqual(access, { hostname: 'gw.example', port: '15432', username: 'pg', database_name: 'shop' });
  assert.equal(connection_string, `postgres://pg:${password}@gw.example:15432/shop?sslmode=require`);
  const { connection_credentials: _, id, session_id, ...envelope } = body;
  assert.ok(id && session_id);
  const iso = (ms: number): string => new Date(ms).toISOString();
  assert.deepEqual(envelope, {
    ...{ connection_name: 'pg', connection_type: 'database', connection_subtype: 'postgres', has_review: false },
    ...{ created_at: iso(clock.now()), expire_at: iso(clock.now() + 3_600_000) },
  });
  await api.call('admin', 'PATCH', '/connections/pg', { default_database: '', secret: { 'envvar:DB': encoded('from setup') } });
  const again = (await mint(api)).body.connection_credentials;
  assert.equal(again.database_name, 'from setup');
  assert.match(again.connection_string, /:15432\/from%20setup\?/);
  for (const path of ['/connections/pg/credentials', '/connection-credentials']) {
    const { text } = await api.call('standard', 'GET', path);
    assert.ok(
      text.includes(path === '/connection-credentials' ? id : 'from setup') &&
        !text.includes(password) &&
        !text.includes(secretHash(password)),
      path,
    );
  }
});

test('each mint gives a new secret, and the ones before go on working', async () => {
  await using api = await openApi();
  await addConnection(api);
  const secrets = (await Promise.all([mint(api), mint(api), mint(api)])).map((answer) => answer.body.connection_credentials.password);
  assert.equal(new Set(secrets).size, 3);
  for (const secret of secrets) assert.equal((await api.parts.credentials.resolve(secret, 'postgres')).identity.userId, api.ids.standard);
});

test('a secret opens its connection for its user until it expires', async () => {
  const clock = handClock();
  await using api = await openApi({ clock });
  await addConnection(api);
  const { body } = await mint(api, { access_duration_seconds: 60 });
  const { password } = body.connection_credentials;
  const resolved = await api.parts.credentials.resolve(password, 'postgres');
  assert.deepEqual([resolved.identity.email, resolved.connection.name, resolved.credentialId], ['standard@hoop.test', 'pg', body.id]);
  assert.equal(resolved.expireAt, clock.now() + 60_000);
  clock.advance(59_999);
  await api.parts.credentials.resolve(password, 'postgres');
  clock.advance(1);
  await assert.rejects(api.parts.credentials.resolve(password, 'postgres'), refusedWith('credential_expired'));
});

test('a credential of a MySQL connection says what to type and where it goes', async () => {
  await using api = await openApi();
  const { agentId } = await addConnection(api);
  const secret = { 'envvar:HOST': encoded('db'), 'envvar:USER': encoded('app'), 'envvar:DB': encoded('shop') };
  const body = { name: 'my', type: 'database', subtype: 'mysql', agent_id: agentId, secret };
  assert.equal((await api.call('admin', 'POST', '/connections', body)).status, 201);
  Object.assign(api.parts, { nativeAddressOf: (protocol: string) => ({ host: 'gw.example', port: protocol === 'mysql' ? 13_306 : 1 }) });
  const { connection_credentials: access } = (await api.call('standard', 'POST', '/connections/my/credentials', {})).body;
  assert.match(access.password, /^mysql-[\w-]{43}$/);
  assert.deepEqual([access.hostname, access.port, access.username, access.database_name], ['gw.example', '13306', 'my', 'shop']);
  assert.equal(access.connection_string, `mysql://my:${access.password}@gw.example:13306/shop`);
  assert.equal(access.command, `mariadb --ssl -h gw.example -P 13306 -u my -p${access.password} shop`);
});

test('a secret opens the door of its connection’s own protocol and no other', async () => {
  await using api = await openApi();
  await addConnection(api);
  const { password } = (await mint(api)).body.connection_credentials;
  await assert.rejects(api.parts.credentials.resolve(password, 'mysql'), refusedWith('credential_invalid'));
  assert.equal((await api.parts.credentials.resolve(password, 'postgres')).connection.name, 'pg');
});

test('a revoked secret is dead at once, and revoking it again changes nothing', async () => {
  await using api = await openApi();
  await addConnection(api);
  const { body } = await mint(api);
  const path = `/connections/pg/credentials/${body.id}/revoke`;
  assert.equal((await api.call('standard', 'POST', path)).status, 204);
  await assert.rejects(api.parts.credentials.resolve(body.connection_credentials.password, 'postgres'), refusedWith('credential_invalid'));
  assert.equal((await api.call('standard', 'POST', path)).status, 204);
  assert.equal((await api.call('standard', 'POST', path.replace('/pg/', '/nosuch/'))).status, 404);
});

test('closing ends the sessions and keeps the secret', async () => {
  await using api = await openApi();
  await addConnection(api);
  const { body } = await mint(api);
  assert.equal((await api.call('standard', 'POST', `/connections/pg/credentials/${body.id}/close`)).status, 204);
  assert.deepEqual(api.engine.calls, [`revoke ${body.id}`]);
  await api.parts.credentials.resolve(body.connection_credentials.password, 'postgres');
});

test('a secret dies with its user and its connection', async () => {
  await using api = await openApi();
  await addConnection(api);
  const first = (await mint(api)).body.connection_credentials.password;
  await api.store.users.update(api.ids.standard, { status: 'inactive' });
  await assert.rejects(api.parts.credentials.resolve(first, 'postgres'), refusedWith('credential_invalid'));
  await api.store.users.update(api.ids.standard, { status: 'active' });
  await api.parts.credentials.resolve(first, 'postgres');
  await api.store.connections.delete('pg');
  await assert.rejects(api.parts.credentials.resolve(first, 'postgres'), refusedWith('credential_invalid'));
});

test('what is not a secret of ours is refused without a look into the store', async () => {
  await using api = await openApi();
  const queries: string[] = [];
  const { credentials } = api.store;
  const bySecretHash = credentials.bySecretHash.bind(credentials);
  const counted = (hash: string) => {
    queries.push(hash);
    return bySecretHash(hash);
  };
  Object.assign(credentials, { bySecretHash: counted });
  for (const text of ['', 'pg-', `pg-${'a'.repeat(42)}`, `pg-${'a'.repeat(44)}`, "pg-' or 1=1 --", 'x'.repeat(100_000), api.tokens.admin]) {
    await assert.rejects(api.parts.credentials.resolve(text, 'postgres'), refusedWith('credential_invalid'));
  }
  assert.deepEqual(queries, []);
  await assert.rejects(api.parts.credentials.resolve(`pg-${'a'.repeat(43)}`, 'postgres'), refusedWith('credential_invalid'));
  assert.equal(queries.length, 1);
});

test('credentials that ended long ago are forgotten', async () => {
  const clock = handClock();
  await using api = await openApi({ clock });
  await addConnection(api);
  const { id } = (await mint(api, { access_duration_seconds: 60 })).body;
  const identity = await identityFor(api, 'standard');
  const row = await api.store.connections.get('pg');
  assert.ok(row);
  clock.advance(29 * 86_400_000);
  await api.parts.credentials.mint(identity, row, 60);
  assert.ok(await api.store.credentials.get(id));
  clock.advance(2 * 86_400_000);
  await api.parts.credentials.mint(identity, row, 60);
  assert.equal(await api.store.credentials.get(id), undefined);
});

test('a script that mints in a loop is stopped', async () => {
  await using api = await openApi();
  const { id } = await addConnection(api);
  for (let n = 0; n < 200; n++) {
    const key = n.toString(16).padStart(64, '0');
    const row = {
      id: `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`,
      protocol: 'postgres',
      secretHash: key,
      expireAt: null,
    };
    await api.store.credentials.insert({ ...row, userId: api.ids.standard, connectionId: id });
  }
  const answer = await mint(api);
  assert.deepEqual([answer.status, answer.body.code], [409, 'too_many_credentials']);
});

test('where there is no listener there is no credential, and the answer says what to do', async () => {
  await using api = await openApi();
  await addConnection(api);
  Object.assign(api.parts, { nativeAddressOf: () => undefined });
  const answer = await mint(api);
  assert.deepEqual([answer.status, answer.body.code], [400, 'native_access_off']);
  assert.match(answer.body.message, /hoop connect pg/);
  assert.equal((await api.call('standard', 'POST', '/connections/nosuch/credentials', {})).status, 404);
});
