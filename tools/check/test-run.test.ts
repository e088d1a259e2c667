import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { commandLine } from '../process/alive.ts';
import { Runner } from './runner.ts';
import { resultOf } from './test-run.ts';

const ok = { passed: 2, failed: 0, notRun: 0 };

test('the runner’s own total is taken, and one that fails without a failed test counts as a failure', () => {
  assert.deepEqual(resultOf([{ file: '/a', counts: ok }, { total: ok }], ['/a'], 0), { ...ok, unfinished: [] });
  assert.equal(resultOf([{ total: ok }], ['/a'], 7).failed, 1);
});

test('a run that was ended names the files that did not come to their end, and counts them as failures', () => {
  const result = resultOf([{ ran: 'x' }, { file: '/a', counts: ok }], ['/a', '/b', '/c'], 1);
  assert.deepEqual(result, { passed: 2, failed: 2, notRun: 0, unfinished: ['/b', '/c'] });
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
