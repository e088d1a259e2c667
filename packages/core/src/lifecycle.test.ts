import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, test } from 'node:test';
import { cutText, join } from './bytes.ts';
import { asAppError, Bug, fromPlain, invariant, Refusal, toPlain } from './errors.ts';
import { CloseStack, outliveRejections, stopSignal } from './lifecycle.ts';
import { createLog, silentLog } from './log.ts';
import { Secret } from './secret.ts';

describe('closing what was opened', () => {
  test('goes backwards, past what fails and what hangs', async () => {
    const closed: string[] = [];
    const stack = new CloseStack(silentLog());
    stack.push('first', () => void closed.push('first'));
    stack.push('hangs', () => new Promise(() => undefined));
    stack.push('fails', () => {
      throw new Error('cannot close');
    });
    stack.push('last', async () => void closed.push('last'));
    await stack.close(20);
    assert.deepEqual(closed, ['last', 'first']);
    await stack.close();
    assert.deepEqual(closed, ['last', 'first']);
  });

  test('begins with the first signal, and a second one ends the process', async () => {
    const exits: number[] = [];
    const process = Object.assign(new EventEmitter(), { exit: (code: number) => void exits.push(code) });
    const stopped = stopSignal(process as unknown as NodeJS.Process);
    process.emit('SIGTERM', 'SIGTERM');
    assert.equal(await stopped, 'SIGTERM');
    assert.deepEqual(exits, []);
    process.emit('SIGINT', 'SIGINT');
    process.emit('SIGTERM', 'SIGTERM');
    assert.deepEqual(exits, [130, 143]);
  });
});

test('a promise that fails and that nobody waits for is told to the log, and ends nothing', () => {
  const process = new EventEmitter();
  const told: string[] = [];
  const log = createLog({ level: 'info', encoding: 'json', to: { write: (line) => void told.push(line) } });
  outliveRejections(process as unknown as NodeJS.Process, log);
  process.emit('unhandledRejection', new TypeError('left alone'));
  assert.equal(told.length, 1);
  assert.match(told[0] ?? '', /A fault of the product itself/);
});

describe('errors', () => {
  test('cross a link with their kind, code and words, and nothing else', () => {
    const error = new Refusal('no_way', 'Not here', { cause: new Error('why'), facts: { secret: 1 } });
    const plain = toPlain(error);
    assert.deepEqual(plain, { kind: 'refusal', code: 'no_way', message: 'Not here' });
    const back = fromPlain(plain);
    assert.ok(back instanceof Refusal);
    assert.equal(back.code, 'no_way');
    assert.equal(back.cause, undefined);
  });

  test('of nobody’s making are bugs, with their cause kept', () => {
    const cause = new TypeError('x is undefined');
    const bug = asAppError(cause);
    assert.ok(bug instanceof Bug);
    assert.equal(bug.cause, cause);
    assert.equal(asAppError(bug), bug);
    assert.equal(asAppError('words').kind, 'bug');
    assert.throws(() => invariant(false, 'one is two'), /Invariant broken: one is two/);
  });
});

describe('bytes', () => {
  test('of one part are not copied, and of several joined', () => {
    const one = Buffer.from('a');
    assert.equal(join([one]), one);
    assert.deepEqual(join([one, Buffer.from('b')]), Buffer.from('ab'));
    assert.equal(join([]).length, 0);
  });

  test('of a text are cut between characters', () => {
    assert.equal(cutText('short', 100), 'short');
    for (let bytes = 0; bytes < 20; bytes++) {
      const cut = cutText('aéz𝄞日本', bytes);
      assert.ok(Buffer.byteLength(cut) <= bytes, `${bytes}`);
      assert.ok('aéz𝄞日本'.startsWith(cut), `${bytes}: ${cut}`);
    }
  });
});

test('a secret shows itself to nobody who does not ask', () => {
  const secret = new Secret('hunter2');
  assert.equal(secret.reveal(), 'hunter2');
  assert.equal([String(secret), JSON.stringify({ secret }), `${secret}`].join().includes('hunter2'), false);
});
