import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openApiDocument } from '../openapi.ts';
import type { Route } from '../route.ts';
import { routes } from './all.ts';
import { createConnection, patchConnection } from './connections.ts';

const all: [string, Route][] = Object.entries(routes);

test('no two routes share method and path, and every path parameter has a schema', () => {
  const seen = new Set<string>();
  for (const [name, route] of all) {
    const key = `${route.method} ${route.path}`;
    assert.ok(!seen.has(key), key);
    seen.add(key);
    const inPath = [...route.path.matchAll(/:([A-Za-z_]+)/g)].map((match) => match[1]).sort();
    const shape = (route.params as { shape?: Record<string, unknown> } | undefined)?.shape ?? {};
    assert.deepEqual(Object.keys(shape).sort(), inPath, name);
  }
});

test('every route that changes something is named for the audit log, and only those', () => {
  const withoutName = all.filter(([, route]) => route.method !== 'GET' && !route.audit).map(([name]) => name);
  // An exec writes a session, which is its record.
  assert.deepEqual(withoutName, ['execSession']);
  assert.deepEqual(
    all.filter(([, route]) => route.method === 'GET' && route.audit),
    [],
  );
});

test('only what is needed before a login is public', () => {
  const open = all.filter(([, route]) => route.role === 'public').map(([name]) => name);
  assert.deepEqual(open, ['getHealth', 'getReadiness', 'getOpenApi', 'getPublicServerInfo', 'register', 'login']);
});

test('the OpenAPI document has every route, with the parameters of its path and the shapes of its bodies', () => {
  const document = openApiDocument(routes, { version: '1.2.3', serverUrl: 'http://h/' }) as {
    openapi: string;
    servers: { url: string }[];
    paths: Record<string, Record<string, { operationId: string; parameters?: { name: string; in: string }[]; responses: object }>>;
  };
  assert.equal(document.openapi, '3.1.0');
  assert.equal(document.servers[0]?.url, 'http://h/api');
  for (const [name, route] of all) {
    const operation = document.paths[route.path.replace(/:(\w+)/g, '{$1}')]?.[route.method.toLowerCase()];
    assert.equal(operation?.operationId, name);
    const named = (operation?.parameters ?? []).filter((parameter) => parameter.in === 'path').map((parameter) => parameter.name);
    assert.deepEqual(
      named,
      [...route.path.matchAll(/:(\w+)/g)].map((match) => match[1]),
      name,
    );
    assert.ok(Object.keys(operation?.responses ?? {}).includes(String(route.status ?? 200)), name);
  }
  assert.doesNotThrow(() => JSON.stringify(document));
});

const connection = { name: 'pg', type: 'database', subtype: 'postgres', agent_id: '018f4a3e-0000-7000-8000-000000000000' };

test('what a reply carries may be sent back: read-only fields are taken and lead nowhere', () => {
  const parsed = createConnection.body.parse({ ...connection, id: 'x', status: 'online', created_at: 'now', secret_keys: ['a'] });
  assert.equal(parsed.name, 'pg');
  assert.equal(createConnection.body.safeParse({ ...connection, owner: 'me' }).success, false);
});

test('a field of a feature that is not there may be empty, and nothing else', () => {
  assert.equal(
    createConnection.body.safeParse({ ...connection, reviewers: [], redact_enabled: false, tags: null, jira_issue_template_id: '' })
      .success,
    true,
  );
  assert.equal(createConnection.body.safeParse({ ...connection, redact_enabled: true }).success, false);
  const refused = createConnection.body.safeParse({ ...connection, redact_types: ['EMAIL_ADDRESS'] });
  assert.deepEqual(refused.error?.issues[0]?.path, ['redact_types']);
});

test('a patch fills nothing in', () => {
  assert.deepEqual(patchConnection.body.parse({}), {});
  assert.deepEqual(patchConnection.body.parse({ secret: { 'envvar:DB': null } }), { secret: { 'envvar:DB': null } });
});
