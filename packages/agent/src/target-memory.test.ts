import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { createLog } from '@hoop/core/log';
import { FileMemory, ProcessMemory } from './target-memory.ts';

describe('what an agent remembers of targets', () => {
  const home = mkdtempSync(join(tmpdir(), 'hoop-memory-'));
  const log = createLog({ level: 'silent', encoding: 'human' });
  const path = join(home, 'agent', 'targets.json');
  after(() => rmSync(home, { recursive: true, force: true }));

  it('is what was seen first, for every agent that shares its directory', () => {
    assert.equal(new FileMemory(home, log).recallOr('ssh a:22', 'first'), 'first');
    assert.equal(new FileMemory(home, log).recallOr('ssh a:22', 'second'), 'first');
    assert.equal(new FileMemory(home, log).recallOr('ssh b:22', 'other'), 'other');
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  it('is not believed when others can write it, or when it cannot be read', () => {
    chmodSync(path, 0o622);
    assert.throws(() => new FileMemory(home, log).recallOr('ssh a:22', 'x'), { code: 'memory_exposed' });
    chmodSync(path, 0o600);
    const whole = readFileSync(path, 'utf8');
    writeFileSync(path, whole.slice(0, 10));
    assert.throws(() => new FileMemory(home, log).recallOr('ssh a:22', 'x'), { code: 'memory_damaged' });
    writeFileSync(path, whole);
    assert.equal(new FileMemory(home, log).recallOr('ssh a:22', 'x'), 'first');
  });

  it('counts until the process ends where no file can be written', () => {
    for (const memory of [new FileMemory('/dev/null/nowhere', log), new ProcessMemory()]) {
      assert.equal(memory.recallOr('ssh a:22', 'first'), 'first');
      assert.equal(memory.recallOr('ssh a:22', 'second'), 'first');
    }
  });
});
