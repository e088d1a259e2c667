import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { Route } from '@hoop/contract/route';
import { routes } from '@hoop/contract/routes/all';
import { addConnection, fileLog, openApi, PASSWORD, scratchDirectory, type TestApi } from '../testing/fixtures.ts';

const withBody: [string, Route][] = Object.entries(routes as Record<string, Route>).filter(([, route]) => route.body);
const withQuery: [string, Route][] = Object.entries(routes as Record<string, Route>).filter(([, route]) => route.query);
const pathOf = (route: Route): string => `/api${route.path.replace(/:\w+/g, randomUUID())}`;

function raw(api: TestApi, method: string, url: string, payload: string, type = 'application/json') {
  const headers = { authorization: `Bearer ${api.tokens.admin}`, 'content-type': type };
  return api.app.inject({ method: method as 'POST', url, payload, headers });
}

test('every route with a body refuses a field that it does not know, and names it', async () => {
  await using api = await openApi();
  for (const [name, route] of withBody) {
    // Fields that are required may be told first; so the unknown one is looked for where nothing else is wrong.
    const answer = await raw(api, route.method, pathOf(route), JSON.stringify({ is_admin: true }));
    assert.equal(answer.statusCode, 422, name);
    const parsed = route.body?.safeParse({ is_admin: true });
    assert.ok(
      parsed?.error?.issues.some((issue) => issue.code === 'unrecognized_keys' && issue.keys.includes('is_admin')),
      name,
    );
  }
  const answer = await raw(api, 'POST', '/api/users/groups', '{"name":"ops","is_admin":true}');
  assert.deepEqual(answer.json(), {
    message: 'Unknown field is_admin; leave it out or correct its name',
    code: 'invalid',
    field: 'is_admin',
  });
});

test('every route with a query refuses a parameter that it does not know', async () => {
  await using api = await openApi();
  for (const [name, route] of withQuery) {
    const answer = await api.call('admin', 'GET', `${pathOf(route)}?password_hash__startswith=a`);
    assert.equal(answer.status, 422, name);
    assert.equal(answer.body.field, 'password_hash__startswith');
  }
});

test('a key that would reach a prototype goes nowhere', async () => {
  await using api = await openApi();
  const poisons = [
    '{"__proto__":{"isAdmin":true}}',
    '{"constructor":{"prototype":{"isAdmin":true}}}',
    '{"name":"x","groups":{"__proto__":["admin"]}}',
  ];
  for (const [name, route] of withBody) {
    for (const poison of poisons) {
      const answer = await raw(api, route.method, pathOf(route), poison);
      assert.ok([400, 422].includes(answer.statusCode), `${name}: ${answer.statusCode}`);
    }
  }
  assert.equal(({} as { isAdmin?: boolean }).isAdmin, undefined);

  const { agentId } = await addConnection(api);
  const tags = `{"name":"p2","type":"database","subtype":"postgres","agent_id":"${agentId}","connection_tags":{"__proto__":"x"}}`;
  assert.equal((await raw(api, 'POST', '/api/connections', tags)).statusCode, 400);
  const selected = await api.call('admin', 'GET', '/connections?tag_selector=__proto__=x');
  assert.deepEqual(selected.body, []);
});

test('what cannot be read is told so, without repeating it', async () => {
  await using api = await openApi();
  const url = '/api/localauth/login';
  const broken = await raw(api, 'POST', url, '{"email":"a@b.co","password":"hunter2222');
  assert.equal(broken.statusCode, 400);
  assert.ok(!broken.body.includes('hunter'));
  assert.equal((await raw(api, 'POST', url, 'a=b', 'application/x-www-form-urlencoded')).statusCode, 415);
  assert.equal((await raw(api, 'POST', url, '<a/>', 'text/plain')).statusCode, 415);
  assert.equal((await raw(api, 'POST', url, '[]')).statusCode, 422);
  assert.equal((await raw(api, 'POST', url, 'null')).statusCode, 422);
  assert.equal((await raw(api, 'POST', url, '"x"')).statusCode, 422);
  const large = await raw(api, 'POST', url, JSON.stringify({ email: 'x'.repeat(300_000) }));
  assert.equal(large.statusCode, 413);
  assert.equal((await raw(api, 'POST', '/api/nothing', '{}')).statusCode, 404);
  assert.equal((await raw(api, 'POST', url, '')).json().message, 'email is required');
});

test('a wrong value is told by its field, and is not repeated', async () => {
  await using api = await openApi();
  const { agentId } = await addConnection(api);
  const connection = { name: 'new', type: 'database', subtype: 'postgres', agent_id: agentId };
  const wrong: [string, string, unknown, string][] = [
    ['POST', '/users', { email: 'nobody' }, 'email'],
    ['POST', '/users', { email: 'n@b.co', password: 'short' }, 'password'],
    ['POST', '/users', { email: 'n@b.co', groups: ['ok', 'a/b'] }, 'groups.1'],
    ['POST', '/agents', { name: 'a b' }, 'name'],
    ['POST', '/agents', { name: 'abc', mode: 'turbo' }, 'mode'],
    ['POST', '/connections', { ...connection, name: 'ümlaut' }, 'name'],
    ['POST', '/connections', { ...connection, type: 'nosuch' }, 'type'],
    ['POST', '/connections', { ...connection, agent_id: 'dev' }, 'agent_id'],
    ['POST', '/connections', { ...connection, secret: { HOST: 'aGk=' } }, 'secret.HOST'],
    ['POST', '/connections', { ...connection, secret: { 'envvar:HOST': 'not base64!' } }, 'secret.envvar:HOST'],
    ['POST', '/connections', { ...connection, connection_tags: { '': 'x' } }, 'connection_tags.'],
    ['POST', '/connections', { ...connection, reviewers: ['no-such-group'] }, 'reviewers'],
    ['POST', '/connections/pg/credentials', { access_duration_seconds: 1e9 }, 'access_duration_seconds'],
    ['POST', '/connections/pg/credentials', { access_duration_seconds: 0 }, 'access_duration_seconds'],
    ['POST', '/guardrails', { name: 'g', input: { rules: [{ type: 'pattern_match' }] } }, 'input.rules.0.pattern_regex'],
    ['POST', '/datamasking-rules', { name: 'm', supported_entity_types: [] }, 'supported_entity_types'],
    ['GET', '/sessions?limit=101', undefined, 'limit'],
    ['GET', '/sessions?limit=abc', undefined, 'limit'],
    ['GET', '/sessions?offset=-1', undefined, 'offset'],
    ['GET', '/sessions?start_date=yesterday', undefined, 'start_date'],
    ['GET', '/sessions/not-an-id', undefined, 'session_id'],
    ['GET', '/connections?tag_selector=oops', undefined, 'tag_selector'],
  ];
  for (const [method, path, body, field] of wrong) {
    const answer = await api.call('admin', method, path, body);
    assert.equal(answer.status, 422, `${method} ${path} ${JSON.stringify(body)}: ${answer.status} ${answer.text}`);
    assert.equal(answer.body.field, field, answer.text);
    assert.ok(!/short|ümlaut|not base64!/.test(answer.body.message), answer.body.message);
  }
});

test('neither passwords, tokens, keys nor secrets are ever logged', async () => {
  using scratch = scratchDirectory();
  using file = fileLog(scratch.path);
  const shown: string[] = [];
  {
    await using api = await openApi({ log: file.log });
    await addConnection(api);
    await api.call('admin', 'POST', '/users', { email: 'new@hoop.test', password: PASSWORD });
    const logged = await api.call(undefined, 'POST', '/localauth/login', { email: 'new@hoop.test', password: PASSWORD });
    await api.call(undefined, 'POST', '/localauth/login', { email: 'new@hoop.test', password: `${PASSWORD}x` });
    const agent = await api.call('admin', 'POST', '/agents', { name: 'dev' });
    const minted = await api.call('standard', 'POST', '/connections/pg/credentials', {});
    await raw(api, 'POST', '/api/localauth/login', `{"password":"${PASSWORD}`);
    api.engine.probeError = new Error('boom');
    assert.equal((await api.call('admin', 'GET', '/connections/pg/test')).status, 500);
    shown.push(PASSWORD, String(logged.headers.token), agent.body.token, minted.body.connection_credentials.password, api.tokens.admin);
  }
  const text = file.text();
  assert.match(text, /agent\.create/);
  assert.match(text, /boom/);
  for (const secret of [...shown, Buffer.from('a-value-that-must-not-show').toString('base64'), 'a-value-that-must-not-show']) {
    assert.ok(secret.length > 10 && !text.includes(secret), secret);
    assert.ok(!text.includes(secret.split('@')[0]?.split(':').at(-1) ?? secret), secret);
  }
});

test('a client that breaks something inside learns a number, and the log has it', async () => {
  using scratch = scratchDirectory();
  using file = fileLog(scratch.path);
  await using api = await openApi({ log: file.log });
  await addConnection(api);
  api.engine.probeError = new TypeError('Cannot read properties of /home/gateway/secret.ts');
  const answer = await api.call('admin', 'GET', '/connections/pg/test');
  assert.equal(answer.status, 500);
  assert.ok(!answer.text.includes('secret.ts'));
  const number = /[0-9a-f-]{36}/.exec(answer.body.message)?.[0] ?? 'none';
  assert.equal(answer.headers['x-request-id'], number);
  assert.ok(file.text().includes(number));
});
