import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addConnection, connectionBody, openApi } from '../testing/fixtures.ts';

const drop = { type: 'operation', operations: ['drop'] };

test('rules about statements, tables, functions, groups and hours are kept as they were given', async () => {
  await using api = await openApi();
  const { id } = await addConnection(api);
  const rules = [
    { ...drop, action: 'require_approval', groups: { except: ['dba'] } },
    {
      type: 'table',
      tables: ['hr.*'],
      access: 'write',
      time_window: { days: ['sat', 'sun'], from: '22:00', to: '06:00', time_zone: 'Europe/Berlin' },
    },
    { type: 'function', functions: ['dblink*'], action: 'warn' },
  ];
  const made = await api.call('admin', 'POST', '/guardrails', { name: 'g', input: { rules }, connection_ids: [id] });
  assert.equal(made.status, 201, made.text);
  const plain = { words: [], pattern_regex: '', message: '' };
  assert.deepEqual(
    made.body.input.rules,
    rules.map((rule) => ({ ...plain, ...rule })),
  );
  assert.deepEqual((await api.call('auditor', 'GET', '/guardrails/g')).body, made.body);
});

test('a rule that says nothing, or something impossible, is told to its author', async () => {
  await using api = await openApi();
  const faulty: [object, string][] = [
    [{ type: 'operation' }, 'input.rules.0.operations'],
    [{ type: 'operation', operations: ['dorp'] }, 'input.rules.0.operations'],
    [{ type: 'table', tables: [] }, 'input.rules.0.tables'],
    [{ type: 'request', paths: ['/a**'] }, 'input.rules.0.paths'],
    [{ type: 'row_limit' }, 'input.rules.0.rows_max'],
    [{ type: 'dance' }, 'input.rules.0.type'],
    [{ ...drop, action: 'shout' }, 'input.rules.0.action'],
    [{ ...drop, time_window: { time_zone: 'Mars/Base' } }, 'input.rules.0.operations'],
  ];
  for (const [rule, field] of faulty) {
    const answer = await api.call('admin', 'POST', '/guardrails', { name: 'g', input: { rules: [rule] } });
    assert.deepEqual([answer.status, answer.body.field], [422, field], JSON.stringify(rule));
  }
});

test('a rule that the protocol cannot keep is refused when it is saved, with the reason', async () => {
  await using api = await openApi();
  const { id, agentId } = await addConnection(api);
  const shell = await api.call('admin', 'POST', '/connections', {
    ...connectionBody(agentId, 'host'),
    type: 'custom',
    subtype: '',
    command: ['bash'],
    secret: {},
  });
  assert.equal(shell.status, 201, shell.text);
  const cases: [string, object, RegExp][] = [
    [shell.body.id, drop, /rules of type operation are about SQL, which terminal does not carry/],
    [id, { type: 'command', commands: ['rm -rf'] }, /about command lines, which postgres does not carry/],
    [id, { type: 'request', paths: ['/x'] }, /about HTTP requests/],
    [shell.body.id, { type: 'row_limit', rows_max: 10 }, /a row_limit would not be kept/],
  ];
  for (const [connection, rule, why] of cases) {
    const answer = await api.call('admin', 'POST', '/guardrails', { name: 'g', input: { rules: [rule] }, connection_ids: [connection] });
    assert.deepEqual([answer.status, answer.body.field], [422, 'connection_ids'], answer.text);
    assert.match(answer.body.message, why);
  }
  const kept = await api.call('admin', 'POST', '/guardrails', {
    name: 'g',
    input: { rules: [{ type: 'command', commands: ['rm -rf'] }] },
    connection_ids: [shell.body.id],
  });
  assert.equal(kept.status, 201, kept.text);
});

test('packs are listed, and one may be switched on for a connection', async () => {
  await using api = await openApi();
  const { id } = await addConnection(api);
  const packs = await api.call('auditor', 'GET', '/guardrails/packs');
  assert.equal(packs.status, 200, packs.text);
  const ids: string[] = packs.body.map((pack: { id: string }) => pack.id);
  for (const wanted of ['postgres-unsafe-writes', 'mysql-secrets', 'mssql-files-and-programs', 'kubectl-destructive'])
    assert.ok(ids.includes(wanted), wanted);
  const made = await api.call('admin', 'POST', '/guardrails', { name: 'g', pack: 'postgres-destructive-ddl', connection_ids: [id] });
  assert.equal(made.status, 201, made.text);
  assert.deepEqual([made.body.managed_by, made.body.input.rules[0].operations], ['postgres-destructive-ddl@1', ['drop', 'truncate']]);
  const wrong = await api.call('admin', 'POST', '/guardrails', { name: 'h', pack: 'shell-destructive', connection_ids: [id] });
  assert.deepEqual([wrong.status, wrong.body.field], [422, 'connection_ids']);
  assert.equal((await api.call('admin', 'POST', '/guardrails', { name: 'h', pack: 'nothing' })).body.field, 'pack');
});

test('a text can be tried against the rules of a connection, and against others', async () => {
  await using api = await openApi();
  const { id } = await addConnection(api);
  await api.call('admin', 'POST', '/guardrails', { name: 'no-drop', input: { rules: [drop] }, connection_ids: [id] });
  const ask = (more: object) => api.call('auditor', 'POST', '/guardrails/test', { connection: id, text: 'drop table t', ...more });
  const denied = await ask({});
  assert.equal(denied.status, 200, denied.text);
  assert.deepEqual([denied.body.verdict, denied.body.rule, denied.body.statements[0].operation], ['block', 'no-drop', 'drop']);
  assert.match(denied.body.message, /found "drop table t"/);
  assert.equal((await ask({ text: 'select 1' })).body.verdict, 'allow');
  assert.equal((await ask({ rules: [{ ...drop, action: 'warn' }] })).body.verdict, 'warn');
  assert.equal((await ask({ pack: 'postgres-secrets', text: 'select * from pg_authid' })).body.verdict, 'block');
  const night = { ...drop, time_window: { from: '22:00', to: '06:00' } };
  assert.equal((await ask({ rules: [night], at: '2026-01-01T12:00:00Z' })).body.verdict, 'allow');
  assert.equal((await ask({ rules: [night], at: '2026-01-01T23:00:00Z' })).body.verdict, 'block');
  assert.equal((await ask({ connection: 'nowhere' })).status, 404);
  assert.equal((await api.call('standard', 'POST', '/guardrails/test', { connection: id, text: 'x' })).status, 403);
});

test('a test says how many rows an answer may have, and which of its columns would be hidden', async () => {
  await using api = await openApi();
  const { id } = await addConnection(api);
  await api.call('admin', 'POST', '/guardrails', {
    name: 'few',
    input: { rules: [{ type: 'row_limit', rows_max: 10 }] },
    output: { rules: [{ type: 'deny_words_list', words: ['secret'] }] },
    connection_ids: [id],
  });
  const mask = await api.call('admin', 'POST', '/datamasking-rules', {
    name: 'm',
    columns: ['email'],
    strategy: 'token',
    connection_ids: [id],
  });
  assert.equal(mask.status, 201, mask.text);
  const ask = async (text: string, more: object = {}) =>
    (await api.call('auditor', 'POST', '/guardrails/test', { connection: id, text, ...more })).body;
  const told = await ask('select id, lower(email) as x, * from users');
  assert.deepEqual([told.verdict, told.answer.rows_max, told.answer.forbids], ['allow', 10, true]);
  assert.deepEqual(told.answer.results, [
    {
      columns: [
        { name: 'id', hidden: 'no' },
        { name: 'x', hidden: 'yes', strategy: 'redact' },
        { name: '*', hidden: 'by_name' },
      ],
    },
  ]);
  const [direct] = (await ask('select email as x from users')).answer.results;
  assert.deepEqual(direct.columns, [{ name: 'x', hidden: 'yes', strategy: 'token' }]);
  const denied = await ask('create table t as select email as x from users');
  assert.deepEqual([denied.verdict, denied.rule, denied.answer], ['block', 'column masking', undefined]);
  assert.equal((await ask('selekt')).answer.hides_all, true);
  const tried = await ask('select phone, email from users', { columns: ['phone'] });
  assert.deepEqual(
    tried.answer.results[0].columns.map(({ hidden }: { hidden: string }) => hidden),
    ['yes', 'no'],
  );
  assert.equal((await ask('select 1', { columns: ['a.b.c.d'] })).field, 'columns.0');
});
