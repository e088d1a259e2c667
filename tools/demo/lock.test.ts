import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockHome } from './lock.ts';

test('one process at a time has a home, and a killed one gives it up', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'lock-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'lock');
  const holder = `import { lockHome } from '${new URL('lock.ts', import.meta.url)}'; lockHome(${JSON.stringify(file)}); console.log('held'); setInterval(() => {}, 1e6)`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', holder], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  assert.throws(() => lockHome(file), /It runs already/);
  child.kill('SIGKILL');
  await once(child, 'exit');
  lockHome(file)();
});
