import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { EventJournal } from './event-journal.ts';

const event = (text: string) => Buffer.from(text);
const told = (journal: EventJournal) => journal.take().map((each) => `${each.session}:${each.event}`);

/** Time stands still but for what `work` lets pass. */
function atRest(work: (pass: (ms: number) => void) => void): void {
  mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  try {
    work((ms) => mock.timers.tick(ms));
  } finally {
    mock.timers.reset();
  }
}

test('what was sent before a link broke is told again, once and in order, however long the gateway is away', () =>
  atRest((pass) => {
    const journal = new EventJournal();
    journal.add('a', event('one'));
    pass(11_000);
    journal.add('b', event('two'));
    journal.linkLost();
    pass(600_000);
    assert.deepEqual(told(journal), ['a:one', 'b:two']);
    assert.deepEqual(told(journal), []);
  }));

test('what was sent long before a link broke is not told again', () =>
  atRest((pass) => {
    const journal = new EventJournal();
    journal.add('a', event('old'));
    pass(21_000);
    journal.linkLost();
    assert.deepEqual(told(journal), []);
  }));

test('an agent that has just started has nothing to tell again', () => {
  const journal = new EventJournal();
  journal.add('a', event('sent over a link that holds'));
  assert.deepEqual(told(journal), []);
});

test('a busy agent keeps the newest events, 32 MiB at most', () =>
  atRest(() => {
    const journal = new EventJournal();
    const large = Buffer.alloc(500_000);
    for (let count = 0; count < 200; count++) {
      large.writeUInt32LE(count);
      journal.add('a', large);
    }
    journal.linkLost();
    const kept = journal.take();
    assert.equal(kept.length, 64);
    assert.equal(kept.at(-1)?.event.readUInt32LE(), 199);
    assert.equal(kept[0]?.event.readUInt32LE(), 136);
  }));

test('an event that fits no block is not kept and does no harm', () => {
  const journal = new EventJournal();
  journal.add('a', Buffer.alloc(8 * 1024 * 1024));
  journal.add('a', event('after'));
  journal.linkLost();
  assert.deepEqual(told(journal), ['a:after']);
});
