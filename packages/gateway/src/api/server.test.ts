import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openApiDocument } from '@hoop/contract/openapi';
import { routes } from '@hoop/contract/routes/all';
import { openApi } from '../testing/fixtures.ts';

test('health says alive; readiness says whether new work is welcome, and why not', async () => {
  await using api = await openApi();
  assert.deepEqual((await api.call(undefined, 'GET', '/healthz')).body, { liveness: 'OK' });
  assert.deepEqual((await api.call(undefined, 'GET', '/readyz')).body, { ready: true });
  api.parts.readiness.notReady('draining');
  const draining = await api.call(undefined, 'GET', '/readyz');
  assert.deepEqual([draining.status, draining.body], [503, { ready: false, reason: 'draining' }]);
  assert.equal((await api.call(undefined, 'GET', '/healthz')).status, 200);
  api.parts.readiness.ready();
  let broken: string | undefined;
  api.parts.readiness.watch(() => broken);
  assert.equal((await api.call(undefined, 'GET', '/readyz')).status, 200);
  broken = 'the audit log cannot be written';
  assert.equal((await api.call(undefined, 'GET', '/readyz')).body.reason, broken);
});

test('the served OpenAPI document is the contract’s', async () => {
  await using api = await openApi();
  const { body } = await api.call(undefined, 'GET', '/openapiv3.json');
  const { version } = (await api.call('standard', 'GET', '/serverinfo')).body;
  assert.deepEqual(body, JSON.parse(JSON.stringify(openApiDocument(routes, { version, serverUrl: 'http://127.0.0.1:8009' }))));
});

test('server info tells a client where to go and whom to trust', async () => {
  await using api = await openApi();
  const { body } = await api.call('standard', 'GET', '/serverinfo');
  assert.deepEqual(
    [body.grpc_url, body.tls_ca, body.postgres_proxy_enabled, body.auth_method],
    ['grpcs://gw.example:8010', 'CA', true, 'local'],
  );
});

test('every answer, errors too, carries headers that let nothing in it load or be framed', async () => {
  await using api = await openApi();
  for (const path of ['/healthz', '/userinfo', '/nothing', '/users/%00', '/users/%E0%A4%A']) {
    const { headers } = await api.call(undefined, 'GET', path);
    assert.match(String(headers['content-security-policy']), /default-src 'none'.*frame-ancestors 'none'/, path);
    assert.equal(headers['x-content-type-options'], 'nosniff', path);
    assert.equal(headers['cache-control'], 'no-store', path);
    assert.equal(headers['access-control-allow-origin'], undefined, path);
  }
});

test('an address that is not there is answered in JSON, whatever is asked', async () => {
  await using api = await openApi();
  for (const [method, path] of [
    ['GET', '/api/nosuch'],
    ['POST', '/api/healthz'],
    ['GET', '/etc/passwd'],
    ['GET', '/api/../api/x'],
    ['DELETE', '/'],
  ]) {
    const answer = await api.app.inject({ method: method as 'GET', url: path ?? '' });
    assert.deepEqual([answer.statusCode, answer.json().code], [404, 'not_found'], `${method} ${path}`);
  }
});

test('metrics name routes and codes, and nothing that came in from outside', async () => {
  await using api = await openApi();
  await api.call('admin', 'GET', '/users/somebody@hoop.test');
  await api.call(undefined, 'GET', '/never-heard-of');
  api.metrics.sessionOpened('postgres');
  api.metrics.sessionClosed('postgres', 'client_left', 1);
  api.metrics.sessionClosed('postgres', 'select * from users', 1);
  api.metrics.action('postgres', 'deny');
  api.metrics.masked('postgres', { EMAIL_ADDRESS: 2, EMPLOYEE_OF_ACME: 3, UNREAD: 1, UNCHECKED: 4, US_SSN: 0 });
  const { payload } = await api.app.inject({ url: '/metrics' });
  assert.match(payload, /hoop_http_request_duration_seconds_count\{method="GET",route="getUser",status="4xx"\} 1/);
  assert.match(payload, /hoop_http_request_duration_seconds_count\{method="GET",route="none",status="4xx"\} 1/);
  assert.match(payload, /hoop_sessions_closed_total\{protocol="postgres",reason="other"\} 1/);
  assert.match(payload, /hoop_actions_total\{protocol="postgres",verdict="deny"\} 1/);
  const masked = [...payload.matchAll(/hoop_(?:masked|unchecked)_values_total\{(.*?)\} (\d+)/g)].map(
    ([, labels, count]) => `${labels} ${count}`,
  );
  assert.deepEqual(masked, [
    'protocol="postgres",entity="EMAIL_ADDRESS" 2',
    'protocol="postgres",entity="CUSTOM" 3',
    'protocol="postgres",entity="UNREAD" 1',
    'protocol="postgres" 4',
  ]);
  assert.ok(!/somebody|never-heard|select|ACME/.test(payload));
});
