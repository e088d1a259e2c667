import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handClock, openApi, PASSWORD } from '../testing/fixtures.ts';

const login = { email: 'first@hoop.test', password: PASSWORD };

test('the first user is made once, becomes admin and is logged in', async () => {
  await using api = await openApi();
  for (const user of await api.store.users.list()) await api.store.users.delete(user.id);
  assert.equal((await api.call(undefined, 'GET', '/publicserverinfo')).body.setup_required, true);
  const racing = await Promise.all(
    [1, 2, 3].map((n) => api.call(undefined, 'POST', '/localauth/register', { ...login, email: `u${n}@hoop.test` })),
  );
  assert.deepEqual(racing.map((answer) => answer.status).sort(), [201, 403, 403]);
  const winner = racing.find((answer) => answer.status === 201);
  const me = await api.app.inject({ url: '/api/userinfo', headers: { authorization: `Bearer ${winner?.headers.token}` } });
  assert.equal(me.json().is_admin, true);
  assert.equal((await api.call(undefined, 'GET', '/publicserverinfo')).body.setup_required, false);
  assert.equal((await api.store.users.list()).length, 1);
});

test('a wrong password, an unknown e-mail, an inactive user and a user without a password look the same', async () => {
  await using api = await openApi();
  await api.call('admin', 'POST', '/users', login);
  await api.call('admin', 'POST', '/users', { ...login, email: 'off@hoop.test', status: 'inactive' });
  const tries = [
    { ...login, password: 'wrong password' },
    { ...login, email: 'nobody@hoop.test' },
    { ...login, email: 'off@hoop.test' },
    { ...login, email: 'standard@hoop.test' },
    { ...login, email: api.ids.standard },
  ];
  const answers = await Promise.all(tries.map((body) => api.call(undefined, 'POST', '/localauth/login', body)));
  for (const answer of answers) {
    assert.equal(answer.status, 401);
    assert.equal(answer.text, answers[0]?.text);
    assert.equal(answer.headers.token, undefined);
  }
  const good = await api.call(undefined, 'POST', '/localauth/login', { ...login, email: ' FIRST@hoop.test ' });
  assert.deepEqual([good.status, good.body], [200, { status: 'ok' }]);
  assert.ok(good.headers.token);
});

test('guessing is slowed down: a few tries on one account, then a wait that the answer tells', async () => {
  const clock = handClock();
  await using api = await openApi({ clock });
  await api.call('admin', 'POST', '/users', login);
  const attempt = (password: string) => api.call(undefined, 'POST', '/localauth/login', { ...login, password });
  const wrong = await Promise.all(Array.from({ length: 14 }, () => attempt('wrong password')));
  assert.deepEqual(wrong.map((answer) => answer.status).sort(), [...Array(10).fill(401), ...Array(4).fill(429)]);
  const held = await attempt(PASSWORD);
  assert.deepEqual([held.status, held.body.code, held.headers['retry-after']], [429, 'too_many_attempts', '300']);
  const neighbour = await api.call(undefined, 'POST', '/localauth/login', { ...login, email: 'other@hoop.test' });
  assert.equal(neighbour.status, 401);
  clock.advance(300_000);
  assert.equal((await attempt(PASSWORD)).status, 200);
});

test('an address that a client claims in a header gives no extra tries', async () => {
  await using api = await openApi();
  const statuses: number[] = [];
  for (let n = 0; n < 12; n++) {
    const headers = { 'x-forwarded-for': `10.0.0.${n}`, forwarded: `for=10.0.0.${n}`, 'x-real-ip': `10.0.0.${n}` };
    statuses.push((await api.app.inject({ method: 'POST', url: '/api/localauth/login', payload: login, headers })).statusCode);
  }
  assert.deepEqual(statuses, [...Array(10).fill(401), 429, 429]);
});

test('good logins use up no tries', async () => {
  await using api = await openApi();
  await api.call('admin', 'POST', '/users', login);
  for (let n = 0; n < 12; n++) assert.equal((await api.call(undefined, 'POST', '/localauth/login', login)).status, 200);
});

test('users are made, changed and deleted; a password is never in an answer', async () => {
  await using api = await openApi();
  const made = await api.call('admin', 'POST', '/users', { ...login, name: 'New', groups: ['dba', 'admin'] });
  assert.equal(made.status, 201);
  assert.deepEqual([made.body.role, made.body.groups, made.body.status], ['admin', ['admin', 'dba'], 'active']);
  assert.ok(!/password|argon/.test(made.text));
  assert.equal((await api.call('admin', 'POST', '/users', { email: 'FIRST@hoop.test' })).status, 409);
  assert.equal((await api.call('standard', 'GET', '/users/first@hoop.test')).body.id, made.body.id);
  const changed = await api.call('admin', 'PUT', `/users/${made.body.id}`, { ...made.body, name: 'Newer', groups: [] });
  assert.deepEqual([changed.status, changed.body.name, changed.body.role], [200, 'Newer', 'standard']);
  assert.equal((await api.call('admin', 'PUT', '/users/nobody@hoop.test', { name: 'x' })).status, 404);
  assert.equal((await api.call('admin', 'DELETE', '/users/first@hoop.test')).status, 204);
  assert.deepEqual(api.engine.calls, [`end user ${made.body.id}`]);
  assert.equal((await api.call('admin', 'GET', '/users/first@hoop.test')).status, 404);
  const listed = await api.call('auditor', 'GET', '/users');
  assert.ok(listed.body.length === 4 && !/argon|password/.test(listed.text));
});

test('a new password ends every login of before', async () => {
  await using api = await openApi();
  await api.call('admin', 'POST', '/users', login);
  const { token } = (await api.call(undefined, 'POST', '/localauth/login', login)).headers;
  const me = async () => (await api.app.inject({ url: '/api/userinfo', headers: { authorization: `Bearer ${token}` } })).statusCode;
  assert.equal(await me(), 200);
  await api.call('admin', 'PUT', '/users/first@hoop.test', { password: `${PASSWORD}2` });
  assert.equal(await me(), 401);
});

test('a login ends after twelve hours', async () => {
  const clock = handClock();
  await using api = await openApi({ clock });
  clock.advance(12 * 3_600_000 - 2_000);
  assert.equal((await api.call('admin', 'GET', '/userinfo')).status, 200);
  clock.advance(4_000);
  assert.equal((await api.call('admin', 'GET', '/userinfo')).status, 401);
});

test('whoever is deactivated loses the open sessions too', async () => {
  await using api = await openApi();
  assert.equal((await api.call('admin', 'PUT', '/users/standard@hoop.test', { status: 'inactive' })).status, 200);
  assert.deepEqual(api.engine.calls, [`end user ${api.ids.standard}`]);
});

test('nobody locks everybody out: not the last admin, not oneself, not the admins’ group', async () => {
  await using api = await openApi();
  const refusals = [
    await api.call('admin', 'PUT', '/users/admin@hoop.test', { groups: [] }),
    await api.call('admin', 'PUT', '/users/admin@hoop.test', { status: 'inactive' }),
    await api.call('admin', 'DELETE', '/users/admin@hoop.test'),
    await api.call('admin', 'DELETE', '/users/groups/admin'),
  ];
  assert.deepEqual(
    refusals.map((answer) => answer.status),
    [422, 422, 422, 422],
  );
  assert.deepEqual((await api.call('admin', 'GET', '/userinfo')).body.groups, ['admin']);
});

test('groups are made, listed and deleted with everybody’s membership', async () => {
  await using api = await openApi();
  assert.equal((await api.call('admin', 'POST', '/users/groups', { name: 'ops' })).status, 201);
  assert.equal((await api.call('admin', 'POST', '/users/groups', { name: 'ops' })).status, 409);
  assert.deepEqual((await api.call('standard', 'GET', '/users/groups')).body, ['admin', 'auditor', 'dba', 'ops']);
  assert.equal((await api.call('admin', 'DELETE', '/users/groups/dba')).status, 204);
  assert.deepEqual((await api.call('admin', 'GET', '/users/other@hoop.test')).body.groups, []);
  assert.equal((await api.call('admin', 'DELETE', '/users/groups/dba')).status, 404);
});
