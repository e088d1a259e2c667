import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AppError } from '@hoop/core/errors';
import { PENDING_ACTIONS_MAX } from '@hoop/core/limits';
import fc from 'fast-check';
import { Names, newOwed, type Owed, OwedQueue } from './books.ts';
import { NAMED_TEXT_BYTES_MAX } from './limits.ts';

const owed = (kind: Owed['kind']): Owed => newOwed(kind);

describe('the queue of owed answers', () => {
  test('gives back in the order of what was sent, whatever is added meanwhile', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 5_000 }), (pushes) => {
        const queue = new OwedQueue();
        const model: Owed[] = [];
        for (const push of pushes) {
          if (push) {
            const entry = owed('query');
            queue.push(entry);
            model.push(entry);
          } else assert.equal(queue.shift(), model.shift());
          assert.equal(queue.length, model.length);
          assert.equal(queue.first, model[0]);
        }
      }),
    );
  });

  test('takes no more than its limit, and says so before it is reached', () => {
    const queue = new OwedQueue();
    for (let count = 0; count <= PENDING_ACTIONS_MAX / 2; count++) queue.push(owed('sync'));
    assert.equal(queue.isFull, true);
    while (queue.length < PENDING_ACTIONS_MAX) queue.push(owed('sync'));
    assert.throws(
      () => queue.push(owed('sync')),
      (error) => error instanceof AppError && error.code === 'too_many_pending',
    );
  });

  test('tells who waits when there is room again', async () => {
    const queue = new OwedQueue();
    for (let count = 0; count < PENDING_ACTIONS_MAX; count++) queue.push(owed('sync'));
    let told = false;
    const room = queue.room().then(() => {
      told = true;
    });
    while (queue.length > PENDING_ACTIONS_MAX / 4) queue.shift();
    await Promise.resolve();
    assert.equal(told, false);
    queue.shift();
    await room;
  });

  test('tells who waits for one answer when that one has come, and only if it must come', async () => {
    const queue = new OwedQueue();
    const [first, second] = [owed('parse'), owed('parse')];
    queue.push(first);
    queue.push(second);
    assert.equal(queue.answerOf(first), undefined);
    queue.push(owed('sync'));
    const answer = queue.answerOf(second);
    let come = false;
    const told = answer?.then(() => {
      come = true;
    });
    queue.shift();
    await Promise.resolve();
    assert.equal(come, false);
    queue.shift();
    await told;
    assert.equal(come, true);
    assert.equal(queue.answerOf(second), undefined);
  });

  test('forgets the syncs that a server in a copy passes over', () => {
    const kinds = (queue: OwedQueue): string[] => {
      const left: string[] = [];
      for (let entry = queue.shift(); entry; entry = queue.shift()) left.push(entry.kind);
      return left;
    };
    const queue = new OwedQueue();
    for (const kind of ['execute', 'sync', 'sync'] as const) queue.push(owed(kind));
    queue.dropSyncsOfCopy();
    assert.deepEqual(kinds(queue), ['execute']);
    for (const kind of ['execute', 'sync', 'copy-end', 'sync', 'query'] as const) queue.push(owed(kind));
    queue.dropSyncsOfCopy();
    assert.deepEqual(kinds(queue), ['execute', 'copy-end', 'sync', 'query']);
  });
});

describe('names of statements and portals', () => {
  test('stand for the text that was given last', () => {
    const names = new Names();
    names.parse('s', 'select 1');
    names.bind('', 's');
    names.parse('s', 'select 2');
    assert.equal(names.textOf(''), 'select 1');
    names.bind('', 's');
    assert.equal(names.textOf(''), 'select 2');
  });

  test('that the server never had are taken back, in reverse', () => {
    const names = new Names();
    names.parse('s', 'select 1');
    const undo = [names.parse('s', 'select 2').undo, names.bind('p', 's'), names.close('statement', 's')];
    for (const each of undo.reverse()) each?.();
    names.bind('q', 's');
    assert.equal(names.textOf('q'), 'select 1');
    assert.match(names.textOf('p'), /FETCH FROM "p"/);
  });

  test('that SQL made are told as what they are', () => {
    const names = new Names();
    assert.equal(names.textOf('a "cursor"'), 'FETCH FROM "a ""cursor""" /* cursor made in SQL */');
    names.bind('', 'of sql');
    assert.equal(names.textOf(''), 'EXECUTE "of sql" /* prepared in SQL */');
  });

  test('that SQL may have changed say so once, and keep their text for the rules', () => {
    const names = new Names();
    names.parse('s', 'drop table t');
    names.doubtStatements();
    names.doubtStatements();
    names.bind('', 's');
    assert.equal(names.textOf(''), 'EXECUTE "s" /* prepared in SQL, or as: */ drop table t');
  });

  test('of cursors are found in what fetches from them', () => {
    const names = new Names();
    const cursor = names.cursorOf('fetch 5 from c');
    for (const text of [
      'FETCH c',
      'fetch forward all in C;',
      'fetch next from "c" ',
      'FETCH FROM "c" /* cursor made in SQL */',
      'fetch\n-1 c',
    ])
      assert.equal(names.cursorOf(text), cursor, text);
    for (const text of ['fetch 5 from d', 'fetch 5 from "C"']) assert.notEqual(names.cursorOf(text), cursor, text);
    for (const text of ['select 1', 'fetch 5 from c; select 1', 'fetchy c']) assert.equal(names.cursorOf(text), undefined, text);
    names.forgetCursors();
    assert.notEqual(names.cursorOf('fetch c'), cursor);
  });

  test('are in doubt from a second Parse to its answer', () => {
    const names = new Names();
    assert.equal(names.doubtOf('s'), undefined);
    names.parse('s', 'select 1');
    assert.equal(names.doubtOf('s'), undefined);
    const second = names.parse('s', 'select 2');
    assert.equal(names.doubtOf('s'), second);
    names.trust('s');
    assert.equal(names.doubtOf('s'), undefined);
    names.parse('', 'select 3');
    names.parse('', 'select 4');
    assert.equal(names.doubtOf(''), undefined);
  });

  test('do not remember more text than the limit, however they come and go', () => {
    const names = new Names();
    const text = 'x'.repeat(1024 * 1024);
    for (let time = 0; time < 200; time++) {
      names.parse('s', text);
      names.bind('p', 's');
      names.forgetPortals();
      names.close('statement', 's');
    }
    const most = NAMED_TEXT_BYTES_MAX / text.length;
    for (let number = 0; number < most; number++) names.parse(`s${number}`, text);
    assert.throws(
      () => names.parse('one more', text),
      (error) => error instanceof AppError && error.code === 'too_many_names',
    );
  });
});
