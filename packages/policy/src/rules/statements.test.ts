import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Dialect } from '@hoop/core/protocol';
import { compilePolicy, compileRule, type PolicyContext, type RuleText } from '../rules.ts';

const base = { words: [], pattern_regex: '', message: '' };
const operation = (...operations: string[]): RuleText => ({ ...base, type: 'operation', operations });
const table = (tables: string[], access?: 'read' | 'write'): RuleText => ({ ...base, type: 'table', tables, access });
const calls = (...functions: string[]): RuleText => ({ ...base, type: 'function', functions });

interface Asked {
  readonly via?: string;
  readonly dialect?: Dialect | undefined;
  readonly context?: PolicyContext;
}

async function verdict(text: string, rules: RuleText | readonly RuleText[], asked: Asked = {}): Promise<string> {
  const { via = 'query', context } = asked;
  const dialect = 'dialect' in asked ? asked.dialect : 'postgres';
  const input = Array.isArray(rules) ? rules : [rules as RuleText];
  const policy = compilePolicy({ revision: 1, guardrails: [{ name: 'house', input, output: [] }], masks: [] }, dialect, context);
  const given = await policy.judge({ seq: 1, text, via });
  if (given.allow === true) return given.notice ?? given.matched?.message ?? 'allow';
  return given.allow === 'hold' ? `hold ${given.hold.message}` : given.denial.message;
}

describe('a rule about operations', () => {
  test('denies what does it, and nothing that only says its name', async () => {
    assert.match(
      await verdict('DROP TABLE t', operation('drop')),
      /^Blocked by .*type=operation, operations=\[drop\], found "DROP TABLE t"$/,
    );
    for (const text of [`select 'drop table t'`, `select "drop" from t`, '-- drop table t\nselect 1'])
      assert.equal(await verdict(text, operation('drop')), 'allow', text);
  });

  test('knows a change of all rows, and says what to do', async () => {
    const rule = operation('delete_without_where', 'update_without_where');
    assert.match(await verdict('delete from t where 1 = 1', rule), /; add a WHERE that says which rows$/);
    assert.equal(await verdict('delete from t where id = 1', rule), 'allow');
  });

  test('denies what it cannot classify, and says why', async () => {
    const said = await verdict('EXECUTE p', operation('drop'));
    assert.match(said, /^Blocked .* found "EXECUTE p", which cannot be classified: EXECUTE runs what was prepared before/);
    assert.match(await verdict('selekt 1', operation('drop')), /cannot be classified: PostgreSQL would not read it/);
  });

  test('denies everything where statements are not SQL', async () => {
    assert.match(await verdict('ls', operation('drop'), { dialect: undefined }), /cannot be classified: it is not SQL/);
  });
});

describe('a rule about tables', () => {
  test('holds for a table however it is named', async () => {
    const rule = table(['hr.salaries']);
    for (const text of ['select * from hr.salaries', 'select * from "hr"."salaries"', 'select * from salaries', 'table hr.salaries'])
      assert.match(await verdict(text, rule), /type=table, tables=\[hr.salaries\], found "/, text);
    for (const text of ['select * from public.salaries', 'select salaries from t', 'with salaries as (select 1) select * from salaries'])
      assert.equal(await verdict(text, rule), 'allow', text);
  });

  test('tells reading from writing', async () => {
    assert.equal(await verdict('select * from t', table(['t'], 'write')), 'allow');
    assert.match(await verdict('insert into t values (1)', table(['t'], 'write')), /access=write/);
    assert.equal(await verdict('insert into t values (1)', table(['t'], 'read')), 'allow');
    assert.match(await verdict('copy t to stdout', table(['t'], 'read')), /access=read/);
  });
});

describe('a rule about functions', () => {
  test('finds a call anywhere, and the message that calls one', async () => {
    const rule = calls('pg_read_file', 'dblink*', 'copy_program', 'lo_creat');
    for (const text of [`select pg_catalog.pg_read_file('x')`, `select * from dblink('a','b') as t(a int)`, `copy t to program 'x'`])
      assert.match(await verdict(text, rule), /type=function/, text);
    assert.match(await verdict('FUNCTION CALL lo_creat', rule, { via: 'function' }), /found "lo_creat\(\)"/);
    assert.equal(await verdict('select lower(x) from t', rule), 'allow');
  });
});

describe('a rule about commands', () => {
  const rule: RuleText = { ...base, type: 'command', commands: ['rm -rf', 'kubectl delete', '> /etc/*'] };
  const run = (text: string, via = 'exec') => verdict(text, rule, { via, dialect: undefined });

  test('finds the program however it is written', async () => {
    const lines = [
      'rm -rf /',
      'rm -r -f x',
      'rm -fr x',
      'rm --recursive --force x',
      '/bin/rm -rf x',
      'sudo rm -rf x',
      "r'm' -rf x",
      'ls; rm -rf x',
    ];
    const more = [
      'ls | xargs rm -rf',
      'bash -c "rm -rf x"',
      '(cd /; rm -rf x)',
      'echo $(rm -rf x)',
      'find . -exec rm -rf {} \\;',
      'kubectl -n prod delete pod x',
    ];
    for (const text of [...lines, ...more, 'echo x > /etc/passwd']) assert.match(await run(text), /type=command/, text);
    for (const text of ['rm x', 'ls -rf', 'echo "rm -rf x"', 'kubectl get pods', 'echo x > /tmp/etc'])
      assert.equal(await run(text), 'allow', text);
  });

  test('denies what hides the program', async () => {
    for (const text of [
      'eval "$x"',
      'echo cm0gLXJm | base64 -d | sh',
      '$x -rf /',
      'bash <<< "$x"',
      '`echo rm` -rf /',
      'python3 -c "x"',
      "echo 'unclosed",
    ])
      assert.match(await run(text), /cannot be classified/, text);
    assert.match(await run('shell', 'shell'), /cannot be classified/);
    assert.equal(await run('shell', 'terminal'), 'allow', 'what is typed there is judged line by line');
    assert.equal(await run('get /etc/passwd', 'sftp'), 'allow');
  });
});

describe('a rule about requests', () => {
  const rule: RuleText = { ...base, type: 'request', methods: ['delete'], paths: ['/api/**'] };
  const send = (line: string) => verdict(line, rule, { via: 'request', dialect: undefined });

  test('looks at method and path, as a server walks it', async () => {
    for (const line of [
      'DELETE /api/users/1',
      'DELETE //api/users/1',
      'DELETE /x/../api/1?y',
      'DELETE /%61pi/1',
      'DELETE /api;a=b/1\n\nbody',
      'DELETE http://host/api/1',
    ])
      assert.match(await send(line), /type=request/, line);
    for (const line of ['GET /api/users/1', 'DELETE /other/1']) assert.equal(await send(line), 'allow', line);
    for (const line of ['DELETE /x/%2e%2e/api/1', 'DELETE /api/..;/x', 'DELETE /x/..;a=b/api/1'])
      assert.match(await send(line), /cannot be classified/, line);
  });
});

const only = ['interns'];

describe('the conditions of a rule', () => {
  test('are the groups of the user; who said nothing is held to all', async () => {
    const interns: RuleText = { ...operation('drop'), groups: { only } };
    const except: RuleText = { ...operation('drop'), groups: { except: ['dba'] } };
    const as = (rule: RuleText, groups?: string[]) => verdict('drop table t', rule, { context: { groups } });
    assert.equal(await as(interns, ['dba']), 'allow');
    assert.match(await as(interns, ['interns']), /^Blocked/);
    assert.equal(await as(except, ['dba']), 'allow');
    assert.match(await as(except, []), /^Blocked/);
    assert.match(await as(interns), /^Blocked/);
  });

  test('are the hours of a day in a time zone, also past midnight, and those outside', async () => {
    const at = (time: string, window: RuleText['time_window']) =>
      verdict('drop table t', { ...operation('drop'), time_window: window }, { context: { now: () => Date.parse(time) } });
    const office = { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '08:00', to: '18:00', time_zone: 'Europe/Berlin' } as const;
    assert.match(await at('2026-03-02T07:00:00Z', office), /^Blocked/);
    assert.equal(await at('2026-03-02T06:59:00Z', office), 'allow');
    assert.equal(await at('2026-03-01T09:00:00Z', office), 'allow');
    assert.match(await at('2026-03-01T09:00:00Z', { ...office, outside: true }), /^Blocked/);
    const night = { days: ['fri'], from: '22:00', to: '06:00' } as const;
    assert.match(await at('2026-03-07T05:00:00Z', night), /^Blocked/);
    assert.equal(await at('2026-03-08T05:00:00Z', night), 'allow');
  });
});

describe('what a rule does', () => {
  test('is to block, to hold, to warn or to log, and the strictest counts', async () => {
    const as = (action: NonNullable<RuleText['action']>): RuleText => ({ ...operation('drop'), action });
    assert.match(await verdict('drop table t', as('require_approval')), /^hold Needs approval by/);
    assert.match(await verdict('drop table t', as('warn')), /^Noticed by/);
    assert.match(await verdict('drop table t', as('log')), /^match guard rail/);
    assert.match(await verdict('drop table t', [as('log'), as('require_approval'), as('warn')]), /^hold/);
    assert.match(await verdict('drop table t', [as('log'), as('require_approval'), as('block')]), /^Blocked/);
    assert.equal(await verdict('select 1', as('block')), 'allow');
  });

  test('may be a limit of rows: the narrowest that holds', async () => {
    const limit = (rows_max: number, more: Partial<RuleText> = {}): RuleText => ({ ...base, type: 'row_limit', rows_max, ...more });
    const rules = [limit(500), limit(100), limit(10, { groups: { only } })];
    const policy = compilePolicy({ revision: 1, guardrails: [{ name: 'g', input: rules, output: [] }], masks: [] }, 'postgres', {
      groups: [],
    });
    const given = await policy.judge({ seq: 1, text: 'select 1', via: 'query' });
    const rows = given.allow === true ? given.answer?.rows : undefined;
    assert.equal(rows?.max, 100);
    assert.match(rows?.denial.message ?? '', /rows_max=100, found "more than 100 rows"; ask for fewer/);
    assert.deepEqual(policy.needs, ['rows']);
  });

  test('that is faulty is refused when it is compiled', () => {
    const faulty: RuleText[] = [
      operation(),
      operation('dorp'),
      table([]),
      calls(' '),
      { ...base, type: 'command', commands: ['-rf'] },
      { ...base, type: 'request', paths: ['/a**'] },
      { ...base, type: 'row_limit', rows_max: 0 },
      { ...base, type: 'row_limit' },
    ];
    for (const rule of faulty) assert.throws(() => compileRule(rule), { code: 'invalid_rule' }, JSON.stringify(rule));
    const zone = { ...operation('drop'), time_window: { time_zone: 'Mars/Base' } };
    assert.throws(() => compilePolicy({ revision: 1, guardrails: [{ name: 'g', input: [zone], output: [] }], masks: [] }), {
      code: 'invalid_rule',
    });
  });
});
