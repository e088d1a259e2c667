import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { EventJournal } from './event-journal.ts';

const event = (text: string) => Buffer.from(text);
const told = (journal: EventJournal) => journal.take().map((each) => `${each.session}:${each.event}`);

test('what was sent in the two seconds before a link broke is told again, once and in order', () => {
  mock.timers.enable({ apis: ['Date'], now: 10_000 });
  try {
    const journal = new EventJournal();
    journal.add('a', event('old'));
    mock.timers.tick(3_000);
    journal.add('a', event('one'));
    journal.add('b', event('two'));
    journal.linkLost();
    mock.timers.tick(60_000);
    assert.deepEqual(told(journal), ['a:one', 'b:two']);
    assert.deepEqual(told(journal), []);
  } finally {
    mock.timers.reset();
  }
});

test('an agent that has just started has nothing to tell again', () => {
  const journal = new EventJournal();
  journal.add('a', event('sent over a link that holds'));
  assert.deepEqual(told(journal), []);
});

test('a busy agent keeps two seconds and 32 MiB at most', () => {
  mock.timers.enable({ apis: ['Date'], now: 0 });
  try {
    const journal = new EventJournal();
    const mebibyte = Buffer.alloc(1024 * 1024);
    for (let count = 0; count < 100; count++) journal.add('a', mebibyte);
    journal.linkLost();
    assert.equal(journal.take().length, 32);
  } finally {
    mock.timers.reset();
  }
});
