import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withItsVariables } from './variables.ts';

const ASKED = 'SELECT @@session.auto_increment_increment AS a, @@transaction_isolation AS t';
const KNOWN = 'SELECT @@session.auto_increment_increment AS a, @@tx_isolation AS t';

for (const [version, meant] of [
  ['5.5.5-10.11.6-MariaDB-0+deb12u1', KNOWN],
  ['5.5.68-MariaDB', KNOWN],
  ['11.0.2-MariaDB', KNOWN],
  ['11.1.1-MariaDB', ASKED],
  ['12.0.2-MariaDB-log', ASKED],
  ['5.6.51', KNOWN],
  ['5.7.19-log', KNOWN],
  ['5.7.20', ASKED],
  ['8.0.36', ASKED],
  ['9.7.0', ASKED],
  ['something else', ASKED],
] as const) {
  test(`a server ${version} is asked for the isolation of transactions by the name that it knows`, () => {
    assert.equal(withItsVariables(ASKED, version), meant);
  });
}

test('only names of variables change, and only where they cannot be anything else', () => {
  const old = '10.11.6-MariaDB';
  assert.equal(withItsVariables('select @@session.transaction_read_only', old), 'select @@session.tx_read_only');
  for (const text of [
    "select '@@transaction_isolation'",
    'select `@@transaction_isolation`',
    'select @@transaction_isolation_level, @transaction_isolation',
    'select @@transaction_isolation as ä',
  ])
    assert.equal(withItsVariables(text, old), text);
});
