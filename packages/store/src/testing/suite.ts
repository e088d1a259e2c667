import { after, describe } from 'node:test';
import type { Clock } from '@hoop/core/clock';
import { asAppError } from '@hoop/core/errors';
import { type DatabaseUnderTest, databases } from './databases.ts';

/** Runs the same promises on every database. */
export function onEachDatabase(subject: string, suite: (database: DatabaseUnderTest) => void): void {
  for (const database of databases()) {
    describe(`${subject}, on ${database.name}`, () => {
      after(() => database.stop());
      suite(database);
    });
  }
}

/** A clock that stands still until it is told otherwise. */
export class TestClock implements Clock {
  now_ms = 1_700_000_000_000;

  now(): number {
    return this.now_ms;
  }

  micros(): number {
    return this.now_ms * 1000;
  }
}

/** For `assert.rejects` and `assert.throws`: an error of ours with this code. */
export function code(expected: string): (error: unknown) => boolean {
  return (error) => {
    const { code: found, message } = asAppError(error);
    if (found !== expected) throw new Error(`The code is ${found} and not ${expected}: ${message}`, { cause: error });
    return true;
  };
}
