import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { LogFile } from './log-file.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hoop-log-file-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

test('a log stays small: one file, and the one before it, for their owner only', () => {
  const path = join(scratch, 'new', 'run.log');
  using log = new LogFile(path, 100);
  for (let line = 0; line < 100; line++) log.write(`line ${line}\n`);
  assert.match(readFileSync(path, 'utf8'), /line 99\n$/);
  assert.ok(statSync(path).size <= 110 && statSync(`${path}.1`).size <= 110);
  assert.equal(existsSync(`${path}.2`), false);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('the next process goes on in the same file', () => {
  const path = join(scratch, 'again.log');
  for (const line of ['one\n', 'two\n']) {
    using log = new LogFile(path);
    log.write(line);
  }
  assert.equal(readFileSync(path, 'utf8'), 'one\ntwo\n');
});

test('where nothing can be written nothing is, and nobody hears of it', () => {
  using log = new LogFile('/dev/null/no/such/place.log');
  log.write('lost\n');
  assert.equal(existsSync('/dev/null/no'), false);
});
