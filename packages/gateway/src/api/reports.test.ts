import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { MaskingReport } from '@hoop/contract/routes/reports';
import { openApi, type TestApi } from '../testing/fixtures.ts';

interface Given {
  readonly who: 'admin' | 'standard';
  readonly connection: string;
  readonly startedAt: number;
  readonly masked: Record<string, number>;
  readonly duration_ms?: number;
}

const emailOf = (who: string): string => `${who}@hoop.test`;

async function given(api: TestApi, { who, connection, startedAt, masked, duration_ms = 1_000 }: Given): Promise<void> {
  const userId = api.ids[who];
  const id = randomUUID();
  const facts = { type: 'database', subtype: 'postgres', verb: 'connect', origin: 'cli', status: 'open', gatewayId: 'g' } as const;
  await api.store.sessions.insert({ id, userId, userEmail: emailOf(who), userName: who, connection, startedAt, ...facts });
  await api.store.sessions.finish(id, { status: 'done', endedAt: startedAt + duration_ms, metrics: { rows: 1, masked } });
}

async function opened(): Promise<TestApi> {
  const api = await openApi();
  await given(api, { who: 'standard', connection: 'shop', startedAt: 1_000_000, masked: { EMAIL_ADDRESS: 3, US_SSN: 1 } });
  await given(api, { who: 'standard', connection: 'shop', startedAt: 2_000_000, masked: { EMAIL_ADDRESS: 4, UNCHECKED: 9 } });
  await given(api, { who: 'admin', connection: 'bank', startedAt: 2_000_000, masked: { IBAN_CODE: 5 }, duration_ms: 4_000 });
  await given(api, { who: 'admin', connection: 'bank', startedAt: 3_000_000, masked: {} });
  return api;
}

const report = async (api: TestApi, who: 'admin' | 'auditor' | 'standard', query = ''): Promise<MaskingReport> =>
  (await api.call(who, 'GET', `/reports/sessions${query}`)).body as unknown as MaskingReport;

const lines = ({ items }: MaskingReport): string[] => items.map((item) => `${item.resource} ${item.info_type} ${item.redact_total}`);

test('a report says how many values of each entity were hidden, by connection, type, user or session', async () => {
  await using api = await opened();
  const all = await report(api, 'admin');
  assert.deepEqual(lines(all), ['shop EMAIL_ADDRESS 7', 'bank IBAN_CODE 5', 'shop US_SSN 1']);
  assert.deepEqual([all.total_redact_count, all.truncated], [13, false]);
  assert.deepEqual(lines(await report(api, 'auditor', '?group_by=connection_type')), [
    'database/postgres EMAIL_ADDRESS 7',
    'database/postgres IBAN_CODE 5',
    'database/postgres US_SSN 1',
  ]);
  assert.equal(lines(await report(api, 'admin', '?group_by=id')).length, 4);
  const email = emailOf('standard');
  assert.deepEqual(lines(await report(api, 'admin', `?group_by=user_email&user_email=${email}`)), [
    `${email} EMAIL_ADDRESS 7`,
    `${email} US_SSN 1`,
  ]);
});

test('a report is of some time, connection or kind of session, where that is asked for', async () => {
  await using api = await opened();
  const from = new Date(1_500_000).toISOString();
  assert.deepEqual(lines(await report(api, 'admin', `?start_date=${from}`)), ['bank IBAN_CODE 5', 'shop EMAIL_ADDRESS 4']);
  assert.deepEqual(lines(await report(api, 'admin', `?end_date=${from}`)), ['shop EMAIL_ADDRESS 3', 'shop US_SSN 1']);
  assert.deepEqual(lines(await report(api, 'admin', '?connection_name=bank')), ['bank IBAN_CODE 5']);
  assert.deepEqual(lines(await report(api, 'admin', '?verb=exec')), []);
});

test('a report tells nobody of other people’s sessions who may not see them', async () => {
  await using api = await opened();
  assert.deepEqual(lines(await report(api, 'standard')), ['shop EMAIL_ADDRESS 7', 'shop US_SSN 1']);
  assert.deepEqual(lines(await report(api, 'standard', `?user_email=${emailOf('admin')}`)), ['shop EMAIL_ADDRESS 7', 'shop US_SSN 1']);
});

test('sessions are told in figures', async () => {
  await using api = await opened();
  assert.deepEqual((await api.call('auditor', 'GET', '/metrics/sessions')).body, {
    total_sessions: 4,
    avg_session_duration_sec: 1.75,
    sessions_with_masking: 3,
    unique_info_types: 3,
    total_masked: 13,
    truncated: false,
  });
  const { body } = await api.call('admin', 'GET', '/metrics/sessions?connection_name=nothing');
  assert.deepEqual([body.total_sessions, body.avg_session_duration_sec], [0, null]);
});
