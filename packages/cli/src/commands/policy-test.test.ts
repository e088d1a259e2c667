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
