import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { commandLine } from '../process/alive.ts';
import { Runner } from './runner.ts';
import { resultOf, runTests } from './test-run.ts';

const ok = { passed: 2, failed: 0, notRun: 0 };

test('a file’s own count is taken, and one that fails without a failed test counts as a failure', () => {
  assert.deepEqual(resultOf([{ ran: 'x' }, { total: ok }], 0), { counts: ok, ended: true });
  assert.deepEqual(resultOf([{ total: ok }], 7), { counts: { ...ok, failed: 1 }, ended: true });
});

test('a file that did not come to its end is a failure, whatever passed before', () => {
  assert.deepEqual(resultOf([{ ran: 'x' }, { ran: 'y' }], 1), { counts: { passed: 0, failed: 1, notRun: 0 }, ended: false });
  assert.deepEqual(resultOf([], 0), { counts: { passed: 0, failed: 1, notRun: 0 }, ended: false });
});

test('tests that fail, hang, are skipped or pass are each counted as what they are, and what hangs is ended', async (context) => {
  const scratch = mkdtempSync(join(tmpdir(), 'run-'));
  context.after(() => rmSync(scratch, { recursive: true }));
  const head = `import { test } from 'node:test';\n`;
  writeFileSync(
    join(scratch, 'a.mjs'),
    `${head}test('one', () => {}); test('two', () => { throw new Error('no'); }); test.${'skip'}('three', () => {});`,
  );
  writeFileSync(join(scratch, 'b.mjs'), `${head}test('one', () => new Promise(() => setInterval(() => {}, 1e6)));`);
  const runner = new Runner(new AbortController().signal);
  const lines: string[] = [];
  context.mock.method(process.stdout, 'write', (text: string) => lines.push(text) > 0);
  const run = { root: scratch, files: ['a.mjs', 'b.mjs'], concurrency: 2, timeout_ms: 300, grace_ms: 3_000, postgresUri: undefined };
  const counts = await runTests(runner, run);
  context.mock.restoreAll();
  assert.deepEqual(counts, { passed: 1, failed: 2, notRun: 1 });
  assert.match(lines.join(''), /✘ b\.mjs {2}0\/1 .*\n {4}it did not come to its end: the last test that ended was "one"/);
});

test('a program that shows no sign of life is ended together with what it started', async (context) => {
  const scratch = mkdtempSync(join(tmpdir(), 'runner-'));
  context.after(() => rmSync(scratch, { recursive: true }));
  const pidFile = join(scratch, 'pid');
  const child = `require('node:fs').writeFileSync(${JSON.stringify(pidFile)}, String(process.pid)); setInterval(() => {}, 1e6)`;
  const parent = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(child)}])`;
  const pid = (): number => Number(existsSync(pidFile) ? readFileSync(pidFile, 'utf8') : 0);
  const runner = new Runner(new AbortController().signal);
  const silence = { ms_max: 100, lastSign_ms: () => (pid() ? 0 : Date.now()) };
  assert.equal(await runner.run(process.execPath, ['-e', parent], { cwd: scratch, silence }), 1);
  while (commandLine(pid()) !== '') await setImmediate();
});
