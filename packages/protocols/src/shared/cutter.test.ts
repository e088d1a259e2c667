import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Cuts, Cutter } from './cutter.ts';
import type { Step } from './step.ts';

const HEADER_BYTES = 2;

/** A command: what becomes of it, how many bytes follow, and of those how many must be seen. */
interface Command {
  readonly fate: 'pass' | 'drop' | 'instead';
  readonly bytes: number;
}
const LETTERS = { pass: 'p', drop: 'd', instead: 'i' } as const;
const SEEN_BYTES_MAX = 4;
const INSTEAD = Buffer.from('<instead>');

const encoded = ({ fate, bytes }: Command): Buffer =>
  Buffer.from(`${LETTERS[fate]}${String.fromCharCode(bytes)}${'x'.repeat(bytes)}`, 'latin1');
const shown = (command: Command): Buffer =>
  command.fate === 'pass' ? encoded(command) : command.fate === 'drop' ? Buffer.alloc(0) : INSTEAD;

function cutter(sent: Buffer[], settle: (step: Step) => Step | Promise<Step>, owed: Cuts['owed']): Cutter {
  const cuts: Cuts = {
    needs: (chunk, at) => (chunk.length - at < HEADER_BYTES ? HEADER_BYTES : HEADER_BYTES + Math.min(chunk[at + 1] ?? 0, SEEN_BYTES_MAX)),
    total: (chunk, at) => HEADER_BYTES + (chunk[at + 1] ?? 0),
    take: (chunk, at, end) => {
      assert.equal(end - at, HEADER_BYTES + Math.min(chunk[at + 1] ?? 0, SEEN_BYTES_MAX));
      const letter = String.fromCharCode(chunk[at] ?? 0);
      return settle(letter === 'p' ? 'pass' : letter === 'd' ? 'drop' : INSTEAD);
    },
    owed,
  };
  return new Cutter(cuts, (bytes) => void sent.push(Buffer.from(bytes)));
}

const ROOM = { isFull: false, room: () => Promise.resolve() };
const commands = fc.array(
  fc.record({ fate: fc.constantFrom<Command['fate'][]>('pass', 'drop', 'instead'), bytes: fc.integer({ min: 0, max: 20 }) }),
  { maxLength: 12 },
);

describe('a stream of commands', () => {
  for (const [about, settle] of [
    ['at once', (step: Step): Step => step],
    ['later', (step: Step): Promise<Step> => new Promise((resolve) => setImmediate(() => resolve(step)))],
  ] as const) {
    test(`is cut right however it comes, where its commands are decided ${about}`, async () => {
      await fc.assert(
        fc.asyncProperty(commands, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }), async (list, sizes) => {
          const stream = Buffer.concat(list.map(encoded));
          const sent: Buffer[] = [];
          const cutting = cutter(sent, settle, ROOM);
          for (let at = 0, turn = 0; at < stream.length; turn++) {
            const size = sizes[turn % sizes.length] ?? 1;
            await cutting.feed(stream.subarray(at, at + size));
            at += size;
          }
          assert.equal(Buffer.concat(sent).toString('latin1'), Buffer.concat(list.map(shown)).toString('latin1'));
        }),
        { numRuns: about === 'later' ? 30 : 200 },
      );
    });
  }

  test('leaves in one piece where nothing is changed', () => {
    const sent: Buffer[] = [];
    const stream = Buffer.concat([encoded({ fate: 'pass', bytes: 3 }), encoded({ fate: 'pass', bytes: 9 })]);
    assert.equal(cutter(sent, (step) => step, ROOM).feed(stream), undefined);
    assert.deepEqual(sent, [stream]);
  });

  test('goes on when there is room for what it is owed', async () => {
    let tell: () => void = () => undefined;
    const room = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const fed = cutter([], (step) => step, { isFull: true, room: () => room }).feed(encoded({ fate: 'pass', bytes: 1 }));
    let over = false;
    const waited = Promise.resolve(fed).then(() => {
      over = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(over, false);
    tell();
    await waited;
  });
});
