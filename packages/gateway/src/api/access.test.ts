import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { Route, RouteRole } from '@hoop/contract/route';
import { routes } from '@hoop/contract/routes/all';
import { createAgentKey } from '../identity/agent-keys.ts';
import { addConnection, addSession, identityFor, openApi, type Who } from '../testing/fixtures.ts';

const all: [string, Route][] = Object.entries(routes);
const guarded = all.filter(([, route]) => route.role !== 'public');

const MAY: Readonly<Record<RouteRole, readonly Who[]>> = {
  public: ['admin', 'auditor', 'standard'],
  all: ['admin', 'auditor', 'standard'],
  user: ['admin', 'standard'],
  'admin-or-auditor': ['admin', 'auditor'],
  admin: ['admin'],
};

const pathOf = (route: Route): string => route.path.replace(/:\w+/g, randomUUID());
const bodyOf = (route: Route): object | undefined => (route.body ? {} : undefined);

test('every route that is not public refuses whoever has not logged in, before it looks at anything else', async () => {
  await using api = await openApi();
  for (const [name, route] of guarded) {
    const answer = await api.call(undefined, route.method, pathOf(route), { nonsense: true });
    assert.equal(answer.status, 401, name);
    assert.equal(answer.body.code, 'unauthenticated', name);
    assert.equal(answer.headers['www-authenticate'], 'Bearer');
  }
});

test('every route refuses the roles that the contract does not name, and lets in those that it names', async () => {
  await using api = await openApi();
  for (const [name, route] of guarded) {
    for (const who of ['admin', 'auditor', 'standard'] as const) {
      const answer = await api.call(who, route.method, pathOf(route), bodyOf(route));
      if (MAY[route.role].includes(who)) {
        assert.ok(![401, 403].includes(answer.status), `${name} as ${who}: ${answer.status} ${answer.text}`);
        assert.notEqual(answer.status, 500, `${name} as ${who}: ${answer.text}`);
      } else {
        assert.equal(answer.status, 403, `${name} as ${who}`);
        assert.equal(answer.body.code, 'forbidden', `${name} as ${who}`);
      }
    }
  }
});

test('nothing but a login token is a login: not an agent’s key, not a native secret, not a token of another key', async () => {
  await using api = await openApi();
  const connection = await addConnection(api);
  const row = await api.store.connections.get(connection.id);
  assert.ok(row);
  const { secret } = await api.parts.credentials.mint(await identityFor(api, 'admin'), row, 60);
  const [header, payload] = api.tokens.admin.split('.');
  const none = Buffer.from('{"alg":"none"}').toString('base64url');
  const impostors = [
    createAgentKey().key,
    `grpcs://dev:${createAgentKey().key}@h:1`,
    secret,
    `${header}.${payload}.`,
    `${none}.${payload}.`,
    `${header}.${payload}.${'A'.repeat(86)}`,
    'x'.repeat(10_000),
    '',
  ];
  for (const token of impostors) {
    const answer = await api.app.inject({ url: '/api/userinfo', headers: { authorization: `Bearer ${token}` } });
    assert.equal(answer.statusCode, 401, token.slice(0, 20));
  }
  for (const header of [`Basic ${api.tokens.admin}`, api.tokens.admin, `Bearer  ${api.tokens.admin}`, `Bearer ${api.tokens.admin} x`]) {
    assert.equal((await api.app.inject({ url: '/api/userinfo', headers: { authorization: header } })).statusCode, 401);
  }
  assert.equal((await api.app.inject({ url: `/api/userinfo?token=${api.tokens.admin}` })).statusCode, 401);
});

test('a user who is deactivated, deleted or demoted is so at the next request', async () => {
  await using api = await openApi();
  assert.equal((await api.call('other', 'GET', '/userinfo')).status, 200);
  await api.store.users.update(api.ids.other, { status: 'inactive' });
  assert.equal((await api.call('other', 'GET', '/userinfo')).status, 401);
  await api.store.users.delete(api.ids.standard);
  assert.equal((await api.call('standard', 'GET', '/userinfo')).status, 401);

  assert.equal((await api.call('admin', 'POST', '/users/groups', { name: 'x' })).status, 201);
  await api.store.users.update(api.ids.admin, { groups: [] });
  assert.equal((await api.call('admin', 'POST', '/users/groups', { name: 'y' })).status, 403);
});

test('a session is there for its owner, admins and auditors, and for nobody else', async () => {
  await using api = await openApi();
  const id = randomUUID();
  await addSession(api, 'standard', id);
  const seen = async (who: Who): Promise<number> => (await api.call(who, 'GET', `/sessions/${id}?expand=session_input`)).status;
  assert.deepEqual(await Promise.all((['standard', 'admin', 'auditor', 'other'] as const).map(seen)), [200, 200, 200, 404]);

  const listed = async (who: Who, query = ''): Promise<number> => (await api.call(who, 'GET', `/sessions${query}`)).body.data.length;
  assert.deepEqual(await Promise.all((['standard', 'admin', 'auditor', 'other'] as const).map((who) => listed(who))), [1, 1, 1, 0]);
  for (const user of [api.ids.standard, 'standard@hoop.test', 'STANDARD@hoop.test']) {
    assert.deepEqual([await listed('other', `?user=${user}`), await listed('admin', `?user=${user}`)], [0, 1], user);
  }
});

test('a session is ended by its owner or an admin', async () => {
  await using api = await openApi();
  const id = randomUUID();
  await addSession(api, 'standard', id);
  api.engine.open.add(id);
  assert.equal((await api.call('other', 'POST', `/sessions/${id}/kill`)).status, 404);
  assert.equal((await api.call('auditor', 'POST', `/sessions/${id}/kill`)).status, 403);
  assert.deepEqual(api.engine.calls, []);
  assert.equal((await api.call('standard', 'POST', `/sessions/${id}/kill`)).status, 204);
  const again = await api.call('admin', 'POST', `/sessions/${id}/kill`);
  assert.deepEqual([again.status, again.body.code], [400, 'session_not_open']);
});

test('a credential is seen and revoked by its owner, revoked by an admin, and by nobody else', async () => {
  await using api = await openApi();
  await addConnection(api);
  const minted = await api.call('standard', 'POST', '/connections/pg/credentials', {});
  assert.equal(minted.status, 201);
  const revoke = `/connections/pg/credentials/${minted.body.id}/revoke`;
  assert.equal((await api.call('other', 'POST', revoke)).status, 404);
  assert.equal((await api.call('other', 'POST', revoke.replace('revoke', 'close'))).status, 404);
  assert.equal((await api.call('other', 'GET', '/connections/pg/credentials')).status, 404);
  assert.deepEqual((await api.call('other', 'GET', '/connection-credentials')).body.items, []);
  assert.equal((await api.call('standard', 'GET', '/connection-credentials')).body.items.length, 1);
  assert.deepEqual(api.engine.calls, []);
  assert.equal((await api.call('admin', 'POST', revoke)).status, 204);
  assert.deepEqual(api.engine.calls, [`revoke ${minted.body.id}`]);
  assert.deepEqual((await api.call('standard', 'GET', '/connection-credentials')).body.items, []);
});
