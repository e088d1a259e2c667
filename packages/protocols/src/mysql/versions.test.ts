import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inItsWords, itsCollation } from './versions.ts';

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
    assert.equal(inItsWords(ASKED, version), meant);
  });
}

test('only names of variables change, and only where they cannot be anything else', () => {
  const old = '10.11.6-MariaDB';
  assert.equal(inItsWords('select @@session.transaction_read_only', old), 'select @@session.tx_read_only');
  for (const text of [
    "select '@@transaction_isolation'",
    'select `@@transaction_isolation`',
    'select @@transaction_isolation_level, @transaction_isolation',
    'select @@transaction_isolation as ä',
  ])
    assert.equal(inItsWords(text, old), text);
});

for (const [version, isKnown] of [
  ['5.5.5-10.11.6-MariaDB', false],
  ['11.4.4-MariaDB', false],
  ['11.4.5-MariaDB', true],
  ['5.7.44', false],
  ['8.0.36', true],
] as const) {
  test(`a server ${version} is asked for the collation of MySQL 8 ${isKnown ? 'as the client does' : 'by its character set'}`, () => {
    const asked = "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_0900_ai_ci'";
    assert.equal(inItsWords(asked, version), isKnown ? asked : 'SET NAMES utf8mb4');
    assert.equal(itsCollation(255, version), isKnown ? 255 : 45);
    assert.equal(itsCollation(28, version), 28);
    const other = `${asked}, @a = 1`;
    assert.equal(inItsWords(other, version), other);
  });
}
