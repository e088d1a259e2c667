import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { AuditEvent } from '@hoop/contract/audit';
import { Refusal, TargetFault } from '@hoop/core/errors';
import { addConnection, addSession, openApi, type TestApi } from '../testing/fixtures.ts';

const ACTIONS = ['select 1', 'drop table t', 'select pg_sleep(9)'] as const;

function record(api: TestApi, id: string): void {
  const events: AuditEvent[] = [
    { type: 'session.open', user: 'u', user_id: 'i', connection: 'pg', protocol: 'postgres', verb: 'exec', origin: 'api', peer: 'p' },
    { type: 'action', seq: 1, via: 'query', text: ACTIONS[0], verdict: 'allow', outcome: { rows: 1, bytes: 9, duration_us: 5 } },
    { type: 'action', seq: 2, via: 'query', text: ACTIONS[1], verdict: 'deny', rule: 'no-drop', message: 'No' },
    { type: 'action', seq: 3, via: 'query', text: ACTIONS[2], verdict: 'allow' },
    { type: 'outcome', seq: 3, outcome: { rows: 0, bytes: 0, duration_us: 7, error: '57014: cancelled' } },
    { type: 'session.close', reason: 'client_left', bytes_in: 1, bytes_out: 2, duration_us: 3 },
  ];
  api.records.set(
    id,
    events.map((event, at) => ({ at_ms: 1_000 * at, event })),
  );
}

test('a session shows what was done in it, action by action, with how each ended', async () => {
  await using api = await openApi();
  const id = randomUUID();
  await addSession(api, 'standard', id, { status: 'done' });
  record(api, id);
  const { body } = await api.call('standard', 'GET', `/sessions/${id}?expand=actions,event_stream,session_input`);
  assert.deepEqual(
    [body.status, body.exit_code, body.script.data, body.user, body.script_size],
    ['done', 0, 'select 42', 'standard@hoop.test', 9],
  );
  assert.deepEqual(
    body.actions.map((action: { text: string }) => action.text),
    ACTIONS,
  );
  assert.deepEqual(
    body.actions.map((action: { verdict: string; outcome?: { error?: string } }) => [action.verdict, action.outcome?.error]),
    [
      ['allow', undefined],
      ['deny', undefined],
      ['allow', '57014: cancelled'],
    ],
  );
  assert.equal(body.event_stream.length, 6);
  assert.equal(body.event_stream[0].time, '1970-01-01T00:00:00.000Z');
  assert.equal(body.expand_truncated, false);
  const plain = (await api.call('standard', 'GET', `/sessions/${id}`)).body;
  for (const part of ['actions', 'event_stream', 'script']) assert.equal(plain[part], undefined);
});

test('a session tells what went through it and what was hidden, in figures', async () => {
  await using api = await openApi();
  const id = randomUUID();
  await addSession(api, 'standard', id);
  const metrics = { bytesIn: 10, bytesOut: 90, actions: 3, denied: 1, rows: 7, masked: { EMAIL_ADDRESS: 4, US_SSN: 1 } };
  await api.store.sessions.finish(id, { status: 'done', endedAt: Date.now(), metrics });
  const { body } = await api.call('standard', 'GET', `/sessions/${id}`);
  assert.equal(body.event_size, 100);
  assert.deepEqual(body.metrics, {
    ...{ event_size: 100, bytes_in: 10, bytes_out: 90, actions: 3, denied: 1, rows: 7 },
    masked: { EMAIL_ADDRESS: 4, US_SSN: 1 },
    data_masking: { info_types: { EMAIL_ADDRESS: 4, US_SSN: 1 }, total_redact_count: 5, err_count: 0 },
  });
});

test('what a detector failed on is an error of the session, hidden or not, and what was shown is not counted as hidden', async () => {
  await using api = await openApi();
  const id = randomUUID();
  await addSession(api, 'standard', id);
  await api.store.sessions.finish(id, { status: 'done', endedAt: Date.now(), metrics: { masked: { US_SSN: 1, UNREAD: 2, UNCHECKED: 4 } } });
  const { body } = await api.call('standard', 'GET', `/sessions/${id}`);
  assert.deepEqual((body.metrics as { data_masking: object }).data_masking, {
    info_types: { US_SSN: 1, UNREAD: 2 },
    total_redact_count: 3,
    err_count: 6,
  });
});

test('a session of many actions comes in pages that miss nothing and repeat nothing', async () => {
  await using api = await openApi();
  const id = randomUUID();
  await addSession(api, 'standard', id);
  const records: { at_ms: number; event: AuditEvent }[] = [];
  for (let seq = 1; seq <= 2_500; seq++) {
    records.push({ at_ms: seq, event: { type: 'action', seq, via: 'query', text: `select ${seq}`, verdict: 'allow' } });
    // Pipelined: the answer of one comes after the next two were sent.
    if (seq > 2)
      records.push({ at_ms: seq, event: { type: 'outcome', seq: seq - 2, outcome: { rows: seq - 2, bytes: 1, duration_us: 1 } } });
  }
  api.records.set(id, records);
  const seen: { seq: number; outcome?: { rows: number } }[] = [];
  let after: number | undefined = 0;
  let pages = 0;
  while (after !== undefined) {
    const { body } = await api.call('admin', 'GET', `/sessions/${id}?expand=actions&after=${after}`);
    seen.push(...body.actions);
    assert.equal(body.expand_truncated, body.next_after !== undefined);
    after = body.next_after;
    pages++;
  }
  assert.equal(pages, 3);
  assert.deepEqual(
    seen.map((action) => action.seq),
    Array.from({ length: 2_500 }, (_, at) => at + 1),
  );
  for (const action of seen) assert.equal(action.outcome?.rows, action.seq > 2_498 ? undefined : action.seq);
});

test('lists are filtered and counted, and say whether there is more', async () => {
  await using api = await openApi();
  for (let n = 0; n < 5; n++)
    await addSession(api, n < 3 ? 'standard' : 'other', randomUUID(), { status: n === 0 ? 'done' : 'open', connection: `c${n % 2}` });
  const list = async (query: string) => (await api.call('admin', 'GET', `/sessions?${query}`)).body;
  const first = await list('limit=2');
  assert.deepEqual([first.data.length, first.total, first.has_next_page, first.total_is_capped], [2, 5, true, false]);
  assert.equal((await list('limit=2&offset=4')).has_next_page, false);
  assert.equal((await list('count=none')).total, undefined);
  assert.equal((await list('status=done')).data.length, 1);
  assert.equal((await list('connection=c1')).data.length, 2);
  assert.equal((await list('user=other@hoop.test')).data.length, 2);
  assert.equal((await list(`start_date=${new Date(Date.now() + 1000).toISOString()}`)).data.length, 0);
});

test('an exec runs as the caller, and its answer tells how it went', async () => {
  await using api = await openApi();
  await addConnection(api);
  const body = { connection: 'pg', script: 'select 1', labels: { ticket: 'T-1' }, correlation_id: 'c-1' };
  const answer = await api.app.inject({
    method: 'POST',
    url: '/api/sessions',
    headers: { authorization: `Bearer ${api.tokens.standard}`, 'user-agent': 'hoop-cli/0.1.0 (linux)' },
    payload: body,
  });
  assert.equal(answer.statusCode, 200);
  const { session_id, ...rest } = answer.json();
  assert.deepEqual(rest, { has_review: false, output: '1\n', output_status: 'success', truncated: false, execution_time: 3, exit_code: 0 });
  const [{ identity, request } = assert.fail('not run')] = api.engine.execs;
  assert.equal(identity.userId, api.ids.standard);
  assert.equal(request.sessionId, session_id);
  assert.deepEqual([request.origin, request.labels, request.correlationId, request.script], ['cli', { ticket: 'T-1' }, 'c-1', 'select 1']);
});

test('an exec that may not or cannot run says why, with a status for programs', async () => {
  await using api = await openApi();
  const refusals: [Error, number][] = [
    [new Refusal('not_found', 'There is no connection'), 404],
    [new Refusal('access_mode_disabled', 'Exec is off'), 403],
    [new Refusal('gateway_draining', 'Going down'), 503],
    [new TargetFault('agent_offline', 'The agent is offline'), 503],
    [new TargetFault('target_unreachable', 'Refused'), 502],
  ];
  for (const [error, status] of refusals) {
    api.engine.result = () => Promise.reject(error);
    const answer = await api.call('standard', 'POST', '/sessions', { connection: 'pg', script: 'x' });
    assert.deepEqual([answer.status, answer.body.message], [status, error.message]);
  }
});

test('an exec that takes long is answered with 202 and goes on', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  await using api = await openApi();
  const started = Promise.withResolvers<AbortSignal | undefined>();
  const done = Promise.withResolvers<never>();
  api.engine.result = ({ signal }) => {
    started.resolve(signal);
    return done.promise;
  };
  const call = api.call('standard', 'POST', '/sessions', { connection: 'pg', script: 'select pg_sleep(100)' });
  const signal = await started.promise;
  t.mock.timers.tick(50_000);
  const answer = await call;
  assert.deepEqual([answer.status, answer.body.output_status, answer.body.exit_code], [202, 'running', -2]);
  assert.equal(answer.body.session_id, api.engine.execs[0]?.request.sessionId);
  assert.equal(signal?.aborted, false);
  done.reject(new TargetFault('target_lost', 'Gone')); // Nobody waits for it: it must not bring the process down.
});

test('a client that hangs up ends its exec', async () => {
  await using api = await openApi();
  const aborted = Promise.withResolvers<void>();
  const running = Promise.withResolvers<void>();
  api.engine.result = ({ signal, sessionId }) =>
    new Promise((resolve) => {
      running.resolve();
      signal?.addEventListener('abort', () => {
        aborted.resolve();
        resolve({ sessionId, output: Buffer.alloc(0), outputStatus: 'failed', exitCode: 1, truncated: false, executionTimeMs: 1 });
      });
    });
  const url = await api.app.listen({ host: '127.0.0.1', port: 0 });
  const stop = new AbortController();
  const headers = { authorization: `Bearer ${api.tokens.standard}`, 'content-type': 'application/json' };
  const call = fetch(`${url}/api/sessions`, { method: 'POST', headers, body: '{"connection":"pg","script":"x"}', signal: stop.signal });
  await running.promise;
  stop.abort();
  await assert.rejects(call);
  await aborted.promise;
});

test('a session that another gateway holds is ended there, and one whose gateway is dead is told to be over', async () => {
  await using api = await openApi();
  const id = randomUUID();
  await addSession(api, 'standard', id, { gatewayId: 'another-gateway' });
  const kill = () => api.call('standard', 'POST', `/sessions/${id}/kill`);
  assert.deepEqual([(await kill()).status, (await kill()).body.code], [400, 'session_not_open']);
  await api.store.gateways.beat('another-gateway');
  const heard = Promise.withResolvers<unknown>();
  await api.store.subscribe(heard.resolve);
  assert.equal((await api.call('other', 'POST', `/sessions/${id}/kill`)).status, 404);
  assert.equal((await kill()).status, 204);
  assert.deepEqual(await heard.promise, { kind: 'session.kill', sessionId: id, by: 'standard@hoop.test' });
});
