import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeGateway } from '../testing/fake-gateway.ts';
import { Shell } from '../testing/shell.ts';

const statement = {
  operation: 'delete',
  effects: ['delete', 'delete_without_where'],
  tables: [{ name: 't', access: 'write' as const }],
  functions: ['now'],
  text: 'delete from t',
};

test('what rules would do is told with what the statement does, and nothing is run', async () => {
  await using gateway = await FakeGateway.start({
    testGuardrails: ({ body }) => {
      assert.deepEqual(body, { connection: 'pg', text: 'delete from t', pack: 'postgres-unsafe-writes' });
      return { verdict: 'block', rule: 'r', message: 'Blocked', statements: [statement], commands: [] };
    },
  });
  using shell = Shell.at(gateway);
  const { code, out } = await shell.run(['policy', 'test', '-c', 'pg', '--pack', 'postgres-unsafe-writes', 'delete from t']);
  assert.equal(code, 0);
  assert.equal(out, 'block: Blocked\n  delete delete_without_where, write t, call now\n');
});

test('what would become of the answer is told: its rows, and which columns are hidden', async () => {
  await using gateway = await FakeGateway.start({
    testGuardrails: ({ body }) => {
      assert.deepEqual(body, { connection: 'pg', text: 'select 1', columns: ['*email*', 'users.phone'] });
      const columns = [
        { name: 'id', hidden: 'no' as const },
        { name: 'x', hidden: 'yes' as const, strategy: 'redact' as const },
        { name: '*', hidden: 'by_name' as const },
        { name: '', hidden: 'yes' as const, strategy: 'null' as const },
      ];
      return { verdict: 'allow', statements: [], commands: [], answer: { rows_max: 10, forbids: true, results: [{ columns }] } };
    },
  });
  using shell = Shell.at(gateway);
  const { out } = await shell.run(['policy', 'test', '-c', 'pg', '--columns', '*email*,users.phone', 'select 1']);
  assert.deepEqual(out.split('\n'), [
    'allow',
    'answer: at most 10 rows',
    'answer: ends where a rule on output finds something',
    'answer: hidden are x (redact), * (by the names of its columns), column 4 (null)',
    '',
  ]);
});
