import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { silentLog } from '@hoop/core/log';
import { code } from '../testing/suite.ts';
import { AuditLog } from './audit-log.ts';
import { listSegments, segmentPath } from './scan.ts';

const homes: string[] = [];
after(() => {
  for (const home of homes) fs.rmSync(home, { recursive: true, force: true });
});

const SEGMENT_BYTES = 4_096;

/** A log of several segments: an action each second from 1,000 ms on, each in a batch of its own, with input and output between. */
async function written(actions: number) {
  const directory = fs.mkdtempSync(join(tmpdir(), 'hoop-walk-'));
  homes.push(directory);
  let now = 1_000;
  const log = AuditLog.open({ directory, log: silentLog(), segmentBytesMax: SEGMENT_BYTES, clock: { now: () => now, micros: () => 0 } });
  const sessions = [randomUUID(), randomUUID()];
  for (let seq = 1; seq <= actions; seq++) {
    const session = sessions[seq % 2] ?? '';
    log.appendInput(session, Buffer.from('what a client sent'), 1_000);
    log.appendOutput(session, Buffer.from('what it was shown'));
    const event = { type: 'action', seq, via: 'query', text: `select ${seq}`, verdict: 'allow' };
    await log.durable(log.append(session, Buffer.from(JSON.stringify(event))));
    now += 1_000;
  }
  return { directory, log, sessions };
}

const seqs = (pages: Iterable<{ events: readonly { event: object }[] }>): number[] =>
  [...pages].flatMap(({ events }) => events.map(({ event }) => ('seq' in event ? Number(event.seq) : -1)));

describe('reading the audit log forward', () => {
  test('gives every action of every session in order, across segments, and goes on from any page', async () => {
    const { directory, log, sessions } = await written(100);
    assert.ok(listSegments(directory).length > 3);
    const pages = [...log.eventsSince(0)];
    assert.deepEqual(
      seqs(pages),
      Array.from({ length: 100 }, (_, at) => at + 1),
    );
    assert.deepEqual(new Set(pages.flatMap(({ events }) => events.map(({ session }) => session))), new Set(sessions));
    for (const { next, events, last_ms } of pages.filter((_, at) => at % 17 === 0)) {
      const done = seqs([{ events }]).at(-1) ?? 0;
      assert.equal(last_ms, done * 1_000);
      assert.equal(seqs(log.eventsSince(0, next))[0] ?? 101, done + 1);
    }
    await log.close();
  });

  test('does not read the segments that ended before the time', async () => {
    const { log } = await written(100);
    const found = seqs(log.eventsSince(90_000));
    assert.ok(found.includes(90) && (found[0] ?? 0) > 50, `it began at ${found[0]}`);
    assert.ok(log.bytesSince(90_000) < log.bytesSince(0) / 2 + 1_100_000);
    assert.deepEqual(seqs(log.eventsSince(1_000_000)).at(-1), 100);
    await log.close();
  });

  test('shows what was appended in this very turn', async () => {
    const { log, sessions } = await written(1);
    log.append(sessions[0] ?? '', Buffer.from(JSON.stringify({ type: 'action', seq: 7, via: 'query', text: 'x', verdict: 'deny' })));
    assert.deepEqual(seqs(log.eventsSince(0)), [1, 7]);
    await log.close();
  });

  test('refuses a place that is between no batches, and says damage', async () => {
    const { directory, log } = await written(100);
    assert.throws(() => [...log.eventsSince(0, { segment: 1, offset: 5, past: 0 })], code('page_out_of_range'));
    assert.throws(() => [...log.eventsSince(0, { segment: 1, offset: 4_000_000_000, past: 0 })], code('page_out_of_range'));
    await log.close();
    const file = fs.openSync(segmentPath(directory, 2), 'r+');
    fs.writeSync(file, Buffer.from('x'), 0, 1, 200);
    fs.closeSync(file);
    assert.throws(() => [...log.eventsSince(0)], code('audit_damaged'));
  });

  test('takes a large batch apart, and goes on in the middle of it', async () => {
    const { log, sessions } = await written(1);
    for (let seq = 2; seq <= 2_000; seq++) {
      log.append(sessions[0] ?? '', Buffer.from(JSON.stringify({ type: 'action', seq, via: 'query', text: 'x', verdict: 'allow' })));
    }
    const pages = [...log.eventsSince(0)];
    assert.ok(Math.max(...pages.map(({ events }) => events.length)) <= 500);
    assert.equal(seqs(pages).length, 2_000);
    const middle = pages[2];
    assert.ok(middle && middle.next.past > 0);
    assert.equal(seqs(log.eventsSince(0, middle.next))[0], (seqs([middle]).at(-1) ?? 0) + 1);
    await log.close();
  });

  test('finds a record by its place, with the one before it in its session', async () => {
    const { log } = await written(4);
    const [, , third] = [...log.eventsSince(0)].flatMap(({ events }) => events);
    assert.ok(third);
    const { event, previous } = log.recordAt(third.position);
    assert.equal('seq' in event && event.seq, 3);
    assert.equal(log.recordAt(previous).event.type, 'output');
    await log.close();
  });
});
