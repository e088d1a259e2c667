import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { agentHello } from './hello.ts';
import { machineId } from './machine.ts';

test('a machine’s id is the same each time, and not the one that the machine keeps to itself', () => {
  const room = mkdtempSync(join(tmpdir(), 'machine-'));
  const write = (name: string, text: string): string => {
    writeFileSync(join(room, name), text);
    return join(room, name);
  };
  try {
    const own = '0123456789abcdef0123456789abcdef';
    const file = write('id', `${own}\n`);
    const id = machineId('linux', [join(room, 'nosuch'), file]);
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    // As systemd derives it: the machine's id is the key, the application's the message.
    const application = Buffer.from('6f1c9be0a0a74a1fb6d2a4f6b0a52a61', 'hex');
    const expected = createHmac('sha256', Buffer.from(own, 'hex')).update(application).digest('hex');
    assert.equal(id.replaceAll('-', '').slice(0, 12), expected.slice(0, 12));
    assert.equal(machineId('linux', [file]), id);
    assert.notEqual(machineId('linux', [write('other', own.replaceAll('0', '1'))]), id);
    for (const text of ['', 'uninitialized\n', `${own}${own}`, 'x'.repeat(10_000)])
      assert.equal(machineId('linux', [write('wrong', text)]), '', text.slice(0, 40));
    assert.equal(machineId('linux', [room]), '');
  } finally {
    rmSync(room, { recursive: true });
  }
  assert.equal(agentHello().machine, machineId());
});
