import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { makePrivate, SqliteFile, sqliteReason } from './sqlite-file.ts';

function reasonOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return sqliteReason(error);
  }
  return 'none';
}

describe('an SQLite file', () => {
  const home = mkdtempSync(join(tmpdir(), 'hoop-file-'));
  after(() => rmSync(home, { recursive: true }));

  it('is opened so that a commit is on the disk, and references hold', () => {
    const file = SqliteFile.openForWriting(join(home, 'a.db'));
    const pragma = (name: string): unknown => Object.values(file.execute(`pragma ${name}`, []).rows[0] ?? {})[0];
    assert.equal(pragma('journal_mode'), 'wal');
    assert.equal(pragma('synchronous'), 2, 'FULL');
    assert.equal(pragma('foreign_keys'), 1);
    assert.equal(pragma('busy_timeout'), 5_000);
    file.close();
  });

  it('tells in one language why a statement failed', () => {
    const file = SqliteFile.openForWriting(join(home, 'b.db'));
    file.run('create table parents (id integer primary key, name text unique) strict');
    file.run('create table children (parent integer references parents (id)) strict');
    file.execute('insert into parents values (1, ?)', ['x']);
    const run = (sql: string, ...parameters: unknown[]): string => reasonOf(() => file.execute(sql, parameters));
    assert.equal(run('insert into parents values (1, ?)', 'y'), 'unique');
    assert.equal(run('insert into parents values (2, ?)', 'x'), 'unique');
    assert.equal(run('insert into children values (9)'), 'reference');
    assert.equal(run('insert into children values (?)', 1.5), 'out_of_range');
    assert.equal(run('no sql'), 'other');
    assert.equal(run('select ?', { no: 'value' }), 'other');
    file.close();
    const garbage = join(home, 'garbage.db');
    writeFileSync(garbage, 'no database at all'.repeat(1000));
    assert.equal(
      reasonOf(() => SqliteFile.openForWriting(garbage)),
      'corrupt',
    );
    assert.equal(
      reasonOf(() => SqliteFile.openForWriting(join(home, 'missing', 'x.db'))),
      'full',
    );
  });

  it('is whole and usable after the disk was full in the middle of a transaction', () => {
    const file = SqliteFile.openForWriting(join(home, 'c.db'));
    file.run('create table t (text text) strict');
    file.execute('insert into t values (?)', ['before']);
    file.run('pragma max_page_count = 20');
    file.run('begin immediate');
    const fill = (): void => {
      for (let index = 0; index < 1000; index++) file.execute('insert into t values (?)', ['x'.repeat(1000)]);
    };
    assert.equal(reasonOf(fill), 'full');
    if (file.inTransaction) file.run('rollback');
    file.run('pragma max_page_count = 1000000');
    file.execute('insert into t values (?)', ['after']);
    const texts = file.execute('select text from t', []).rows.map((row) => Object.values(row ?? {})[0]);
    assert.deepEqual(texts, ['before', 'after']);
    file.close();
  });

  it('is made for its owner only, and left alone where it exists', () => {
    const path = join(home, 'd.db');
    makePrivate(path);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    chmodSync(path, 0o640);
    makePrivate(path);
    assert.equal(statSync(path).mode & 0o777, 0o640);
  });
});
