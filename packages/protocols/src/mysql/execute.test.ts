import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Wire } from '@hoop/core/wire';
import { execute } from './execute.ts';
import { MORE, packet, rows, server } from './testing/packets.ts';

/** A relay that has this to say. */
class ScriptedRelay implements Wire {
  readonly peer = 'test';
  readonly open = true;
  readonly told: Buffer[] = [];
  hasEnded = false;
  readonly #chunks: Buffer[];

  constructor(...said: readonly Buffer[]) {
    this.#chunks = [...said];
  }

  async read(): Promise<Buffer | undefined> {
    return this.#chunks.shift();
  }

  unread(chunk: Buffer): void {
    this.#chunks.unshift(chunk);
  }

  pump(): Promise<void> {
    return Promise.resolve();
  }

  write(bytes: Buffer): void {
    this.told.push(bytes);
  }

  end(): void {
    this.hasEnded = true;
  }

  destroy(): void {}
}

async function run(said: readonly Buffer[], outputBytesMax = 1_000_000) {
  const wire = new ScriptedRelay(server.ok(0), ...said);
  const output: Buffer[] = [];
  const result = await execute({ wire, script: 'the script', write: (piece) => void output.push(piece), outputBytesMax });
  assert.equal(wire.hasEnded, true);
  return { ...result, output: Buffer.concat(output).toString(), told: Buffer.concat(wire.told).toString('latin1') };
}

describe('a MySQL script', () => {
  test('is one query; its rows are lines, its results follow each other', async () => {
    const { output, exitCode, truncated, told } = await run([
      rows(1, ['one', null, 'tab\there', 'line\nend', 'back\\slash'], 2 | MORE),
      server.ok(10, 2, 2 | MORE),
      server.ok(11, 0, 2 | MORE),
      rows(12, ['x'], 2, 'b'),
    ]);
    assert.equal(output, 'a\none\nNULL\ntab\\there\nline\\nend\nback\\\\slash\nQuery OK, 2 rows affected\nb\nx\n');
    assert.deepEqual([exitCode, truncated], [0, false]);
    assert.equal(told, '\x0b\0\0\0\x03the script\x01\0\0\0\x01');
  });

  test('asks what the server warns of where it says that there is something', async () => {
    const told = [
      ...['Level', 'Code', 'Message'].map((name, index) => server.column(index + 2, name)),
      server.eof(5),
      server.row(6, 'Warning', '1292', 'Truncated'),
      server.eof(7),
    ];
    const warned = packet(1, [0, 1, 0, 2, 0, 1, 0]);
    const { output, exitCode } = await run([warned, server.columns(1, 3), ...told]);
    assert.deepEqual([output, exitCode], ['Query OK, 1 row affected\nWarning (code 1292): Truncated\n', 0]);
    const refused = await run([warned, packet(1, [0xff, 0x76, 0x04], '#42501Blocked')]);
    assert.deepEqual([refused.output, refused.exitCode], ['Query OK, 1 row affected\n', 0]);
  });

  test('that fails says the target’s words, with the rows before them, and ends with 1', async () => {
    const { output, exitCode } = await run([rows(1, ['one'], 2 | MORE), server.error(6, 'no such table')]);
    assert.deepEqual([output, exitCode], ['a\none\nERROR 1146 (42S02): no such table\n', 1]);
  });

  test('that is denied ends with 254', async () => {
    const { output, exitCode } = await run([packet(1, [0xff, 0x76, 0x04], '#42501Blocked')]);
    assert.deepEqual([output, exitCode], ['ERROR 1142 (42501): Blocked\n', 254]);
  });

  test('whose session cannot begin, or breaks, says why', async () => {
    const wire = new ScriptedRelay(packet(0, [0xff, 0x28, 0x04], '#08004full'));
    const output: Buffer[] = [];
    const refused = await execute({ wire, script: 'x', write: (piece) => void output.push(piece), outputBytesMax: 100 });
    assert.deepEqual([Buffer.concat(output).toString(), refused.exitCode], ['ERROR 1064 (08004): full\n', 1]);
    const broken = await run([rows(1, ['one', 'two']).subarray(0, -12)]);
    assert.deepEqual([broken.output, broken.exitCode], ['a\none\nERROR: The connection closed in the middle of a packet\n', 1]);
  });

  test('has no file to give', async () => {
    const { output, exitCode } = await run([server.fileRequest(1, '/etc/passwd')]);
    assert.deepEqual([output, exitCode], ['ERROR: There is no file to load in a script\n', 1]);
  });

  test('with more output than is kept says that it was cut, and is cut where it was said', async () => {
    const { output, truncated, exitCode } = await run([rows(1, ['0123456789', '0123456789'])], 8);
    assert.deepEqual([output, truncated, exitCode], ['a\n012345', true, 0]);
  });
});
