import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, mock, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { AuditEvent } from '@hoop/contract/audit';
import { silentLog } from '@hoop/core/log';
import type { Promised } from '../testing/child-audit.ts';
import { code } from '../testing/suite.ts';
import { AuditLog, type AuditLogOptions } from './audit-log.ts';
import { listSegments, segmentPath, verifyLog } from './scan.ts';
import { SyncThread } from './sync-thread.ts';

const homes: string[] = [];
const logs: AuditLog[] = [];
afterEach(async () => {
  mock.restoreAll();
  for (const log of logs.splice(0)) await log.close().catch(() => undefined);
});
after(() => {
  for (const home of homes) fs.rmSync(home, { recursive: true, force: true });
});

function directory(): string {
  const home = fs.mkdtempSync(join(tmpdir(), 'hoop-audit-'));
  homes.push(home);
  return home;
}

function open(where: string, more: Partial<AuditLogOptions> = {}): AuditLog {
  const log = AuditLog.open({ directory: where, log: silentLog(), ...more });
  logs.push(log);
  return log;
}

const event = (seq: number, text = `select ${seq}`): Buffer =>
  Buffer.from(JSON.stringify({ type: 'action', seq, via: 'query', text, verdict: 'allow' }));

const seqs = (records: readonly { event: AuditEvent }[]): number[] =>
  records.map(({ event: each }) => ('seq' in each ? (each.seq ?? -1) : -1));

/** Writes batches of records, one batch each; resolves with the closed log's directory. */
async function written(batches: number, records_each = 2): Promise<{ where: string; session: string }> {
  const where = directory();
  const log = open(where);
  const session = randomUUID();
  for (let batch = 0; batch < batches; batch++) {
    for (let one = 0; one < records_each; one++) log.append(session, event(batch * records_each + one));
    await log.durable(log.append(session, event(1_000 + batch)));
  }
  await log.close();
  return { where, session };
}

describe('the audit log', () => {
  test('gives back what it was given: each session its own, in order, with its time', async () => {
    const log = open(directory(), { clock: { now: () => 1_234.5, micros: () => 0 } });
    const [one, two] = [randomUUID(), randomUUID()];
    for (let number = 0; number < 100; number++) log.append(number % 3 ? one : two, event(number));
    assert.deepEqual(
      seqs(log.recordsOf(one)),
      Array.from({ length: 100 }, (_, at) => at).filter((at) => at % 3),
    );
    assert.deepEqual(
      seqs(log.recordsOf(two)),
      Array.from({ length: 34 }, (_, at) => at * 3),
    );
    assert.equal(log.recordsOf(one)[0]?.at_ms, 1_234.5);
    assert.deepEqual(log.recordsOf(randomUUID()), []);
  });

  test('goes on where it ended when it is opened again, also for a session that was open', async () => {
    const where = directory();
    const session = randomUUID();
    const first = open(where);
    first.append(session, event(1));
    await first.close();
    const second = open(where);
    const head = second.headsOf([session, randomUUID()]).get(session);
    assert.ok(head);
    second.adopt(session, head);
    second.append(session, event(2));
    const end = second.forget(session);
    assert.deepEqual(seqs(second.recordsOf(session, end)), [1, 2]);
    await second.close();
    assert.deepEqual(verifyLog(where), { damage: undefined, batches: 2, records: 2 });
  });

  test('says when a record is on the disk, to all who wait at one time', async () => {
    const log = open(directory());
    const session = randomUUID();
    const waits = Array.from({ length: 500 }, (_, number) => log.durable(log.append(session, event(number))));
    assert.ok(waits.every((wait) => wait instanceof Promise));
    await Promise.all(waits);
    assert.equal(log.durable(500), undefined);
    assert.ok(log.durable(log.append(session, event(500))) instanceof Promise);
  });

  test('says when a record is in the kernel, in the order of the questions', async () => {
    const log = open(directory());
    const session = randomUUID();
    const order: number[] = [];
    const records = [1, 2, 3].map((number) => {
      const record = log.append(session, event(number));
      log.afterWrite((error) => order.push(error ? -1 : number));
      return record;
    });
    assert.deepEqual(
      records.map((record) => log.isWritten(record)),
      [false, false, false],
    );
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(order, [1, 2, 3]);
    assert.deepEqual(
      records.map((record) => log.isWritten(record)),
      [true, true, true],
    );
  });

  test('begins a new file when one is full, and finds a session’s records over all of them', async () => {
    const where = directory();
    const log = open(where, { segmentBytesMax: 2_000 });
    const [one, two] = [randomUUID(), randomUUID()];
    for (let number = 0; number < 200; number++) {
      await log.durable(log.append(number % 2 ? one : two, event(number)));
    }
    assert.ok(listSegments(where).length > 10);
    assert.equal(log.recordsOf(one).length, 100);
    const head = log.forget(two);
    await log.close();
    assert.equal(verifyLog(where).damage, undefined);
    const again = open(where, { segmentBytesMax: 2_000 });
    assert.equal(again.recordsOf(two, head).length, 100);
  });

  test('changes files under load without losing a sync or a record', async () => {
    const where = directory();
    const log = open(where, { segmentBytesMax: 3_000 });
    const sessions = Array.from({ length: 20 }, () => randomUUID());
    await Promise.all(
      sessions.map(async (session) => {
        for (let number = 0; number < 100; number++) {
          const wait = log.durable(log.append(session, event(number)));
          if (number % 3 === 0) await wait;
        }
      }),
    );
    await log.close();
    assert.deepEqual(verifyLog(where).damage, undefined);
    assert.equal(verifyLog(where).records, 2_000);
  });

  test('writes no batch that is too large to be read again, however much comes in one turn', async () => {
    const where = directory();
    const log = open(where);
    const session = randomUUID();
    for (let number = 0; number < 6; number++) log.append(session, event(number, 'x'.repeat(15 * 1024 * 1024)));
    await log.close();
    assert.equal(verifyLog(where).damage, undefined);
    const again = open(where);
    assert.equal(again.recordsOf(session, again.headsOf([session]).get(session)).length, 6);
  });

  test('keeps what a client sent, and what is no event at all, without hiding what is around it', () => {
    const log = open(directory());
    const session = randomUUID();
    log.append(session, event(1));
    log.appendInput(session, Buffer.from('0123456789'), 4);
    log.append(session, Buffer.from('{"type":"action","seq":"one"}'));
    log.append(session, Buffer.from([255, 0]));
    log.append(session, event(2, 'select 1\n{"type":"action"}\r\n\u2028'));
    const events = log.recordsOf(session).map((record) => record.event);
    assert.deepEqual(
      events.map(({ type }) => type),
      ['action', 'input', 'unreadable', 'unreadable', 'action'],
    );
    assert.deepEqual(events[1], { type: 'input', bytes: 10, data: Buffer.from('0123').toString('base64') });
    assert.equal(events[4]?.type === 'action' && events[4].text, 'select 1\n{"type":"action"}\r\n\u2028');
  });

  test('takes no session that has no proper id', () => {
    assert.throws(() => open(directory()).append('not a uuid', event(1)), TypeError);
  });

  test('takes nothing any more when it is closed', async () => {
    const log = open(directory());
    await log.close();
    await log.close();
    assert.throws(() => log.append(randomUUID(), event(1)), code('audit_closed'));
  });
});

describe('a disk that fails', () => {
  for (const [what, failing] of [
    ['takes no more', 'ENOSPC'],
    ['breaks', 'EIO'],
  ] as const) {
    test(`and ${what}: nothing is acknowledged any more, and everybody is told`, async () => {
      const log = open(directory());
      const session = randomUUID();
      await log.durable(log.append(session, event(1)));
      mock.method(fs, 'writeSync', () => {
        throw Object.assign(new Error(`${failing}: disk`), { code: failing });
      });
      const record = log.append(session, event(2));
      const told: unknown[] = [];
      log.afterWrite((error) => told.push(error));
      await assert.rejects(async () => log.durable(record), code('audit_broken'));
      await new Promise((resolve) => setImmediate(resolve));
      assert.ok(told[0] instanceof Error);
      assert.ok(log.broken);
      mock.restoreAll();
      // The disk has room again: what was lost is lost, and nobody is told otherwise.
      assert.throws(() => log.append(session, event(3)), code('audit_broken'));
      await assert.rejects(async () => log.durable(record), code('audit_broken'));
      assert.equal(log.isWritten(record), false);
      log.afterWrite((error) => told.push(error));
      await new Promise((resolve) => setImmediate(resolve));
      assert.ok(told[1] instanceof Error);
    });
  }

  test('and does not sync: who waits is told, and the log is told', async () => {
    const failures: Error[] = [];
    const thread = new SyncThread({ onFailure: (error) => failures.push(error) });
    // A device has no data that could be synced.
    const file = fs.openSync('/dev/null', 'r+');
    thread.use(file);
    thread.wrote(1);
    await assert.rejects(thread.wait(1));
    assert.equal(failures.length, 1);
    assert.equal(thread.durable, 0);
    await assert.rejects(thread.wait(1));
    fs.closeSync(file);
  });
});

describe('a log whose process was killed', () => {
  for (const promise of ['written', 'durable'] as const) {
    test(`has every record that was ${promise} when it was promised, and goes on`, async () => {
      const where = directory();
      for (let time = 0; time < 4; time++) {
        const promised = new Map<string, number>();
        const child = fork(fileURLToPath(new URL('../testing/child-audit.ts', import.meta.url)), [where, promise], {
          execArgv: ['--conditions=hoop:source', '--disable-warning=ExperimentalWarning'],
          stdio: 'inherit',
        });
        const enough = 200 + time * 700;
        await new Promise((resolve) => {
          let count = 0;
          child.on('message', ({ session, number }: Promised) => {
            promised.set(session, number);
            if (++count === enough) child.kill('SIGKILL');
          });
          child.once('close', resolve);
        });
        const log = open(where, { segmentBytesMax: 200_000 });
        const heads = log.headsOf([...promised.keys()]);
        for (const [session, number] of promised) {
          const found = seqs(log.recordsOf(session, heads.get(session)));
          assert.ok(found.length > number, `of ${number + 1} promised records ${found.length} are there`);
          assert.deepEqual(
            found,
            found.map((_, at) => at),
          );
        }
        await log.close();
        assert.equal(verifyLog(where).damage, undefined);
      }
    });
  }

  test('and whose last batch was torn anywhere is opened without it, and keeps the piece', async () => {
    const { where, session } = await written(3);
    const file = segmentPath(where, 1);
    const whole = fs.readFileSync(file);
    const { batches } = verifyLog(where);
    assert.equal(batches, 3);
    const last = lastBatch(whole);
    for (let size = last + 1; size < whole.length; size += 41) {
      // As the process leaves it: a piece of a batch, and the zeros that were there before.
      for (const zeros of [0, 4_096]) {
        fs.writeFileSync(file, Buffer.concat([whole.subarray(0, size), Buffer.alloc(zeros)]));
        const log = open(where);
        const head = log.headsOf([session]).get(session);
        assert.deepEqual(seqs(log.recordsOf(session, head)), [0, 1, 1_000, 2, 3, 1_001]);
        log.append(randomUUID(), event(7));
        await log.close();
        assert.deepEqual(verifyLog(where), { damage: undefined, batches: 3, records: 7 });
        assert.ok(fs.readdirSync(where).some((name) => name.endsWith('.torn')));
      }
    }
  });

  test('and whose file is only zeros is opened as what it is: empty', async () => {
    const where = directory();
    fs.writeFileSync(segmentPath(where, 1), Buffer.alloc(100_000));
    const log = open(where);
    log.append(randomUUID(), event(1));
    await log.close();
    assert.deepEqual(verifyLog(where), { damage: undefined, batches: 1, records: 1 });
  });
});

/** Where the last batch of a file begins. */
function lastBatch(bytes: Buffer): number {
  return bytes.lastIndexOf('HAB1');
}

/** The batches of a file, apart. */
function batchesOf(bytes: Buffer): Buffer[] {
  const batches: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 76 + bytes.readUInt32LE(at + 4);
    batches.push(bytes.subarray(at, end));
    at = end;
  }
  return batches;
}

describe('a log that somebody changed', () => {
  test('in one bit anywhere is found out, at the batch where it was', async () => {
    const { where } = await written(4);
    const file = segmentPath(where, 1);
    const whole = fs.readFileSync(file);
    const starts: number[] = [];
    for (const batch of batchesOf(whole)) starts.push(batch.byteOffset - whole.byteOffset);
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      fs.writeFileSync(file, changed);
      const { damage } = verifyLog(where);
      assert.equal(
        damage?.offset,
        starts.findLast((start) => start <= at),
        `byte ${at}`,
      );
    }
  });

  const changes: readonly [what: string, change: (batches: Buffer[]) => Buffer[], firstBad: number][] = [
    ['dropped a batch', ([a, , c, d]) => [a, c, d] as Buffer[], 1],
    ['dropped the first batch', ([, b, c, d]) => [b, c, d] as Buffer[], 0],
    ['turned two batches around', ([a, b, c, d]) => [a, c, b, d] as Buffer[], 1],
    ['wrote a batch twice', ([a, b, c, d]) => [a, b, b, c, d] as Buffer[], 2],
    ['put zeros over a batch', ([a, b, c, d]) => [a, Buffer.alloc(b?.length ?? 0), c, d] as Buffer[], 1],
    ['cut the last record of a batch', ([a, b, c, d]) => [a, b?.subarray(0, -20), c, d] as Buffer[], 1],
    ['wrote something behind the end', (batches) => [...batches, Buffer.from('more')], 4],
  ];
  for (const [what, change, firstBad] of changes) {
    test(`and ${what}: the first bad place is named`, async () => {
      const { where } = await written(4);
      const file = segmentPath(where, 1);
      const batches = batchesOf(fs.readFileSync(file));
      const changed = change(batches);
      fs.writeFileSync(file, Buffer.concat(changed));
      const { damage } = verifyLog(where);
      const expected = changed.slice(0, firstBad).reduce((sum, { length }) => sum + length, 0);
      assert.equal(damage?.offset, expected);
    });
  }

  test('and swapped the sessions of two records: found out', async () => {
    const where = directory();
    const log = open(where);
    const sessions = [randomUUID(), randomUUID()];
    for (const session of sessions) log.append(session, event(1));
    await log.close();
    const file = segmentPath(where, 1);
    const bytes = fs.readFileSync(file);
    const [one, two] = sessions.map((session) => Buffer.from(session.replaceAll('-', ''), 'hex')) as [Buffer, Buffer];
    const [first, second] = [bytes.indexOf(one), bytes.indexOf(two)];
    two.copy(bytes, first);
    one.copy(bytes, second);
    fs.writeFileSync(file, bytes);
    assert.equal(verifyLog(where).damage?.offset, 0);
  });

  test('and took a file away, in front, between or at the end: found out', async () => {
    const where = directory();
    const log = open(where, { segmentBytesMax: 1_500 });
    const session = randomUUID();
    for (let number = 0; number < 60; number++) await log.durable(log.append(session, event(number)));
    const position = log.forget(session);
    assert.ok(position);
    await log.close();
    const segments = listSegments(where);
    const newest = segments.at(-1) ?? 0;
    for (const segment of [1, 3, newest]) {
      const path = segmentPath(where, segment);
      const bytes = fs.readFileSync(path);
      fs.rmSync(path);
      const { damage } = verifyLog(where, [{ session, position }]);
      assert.equal(damage?.segment, segment === 1 ? 2 : segment);
      fs.writeFileSync(path, bytes);
    }
    assert.equal(verifyLog(where, [{ session, position }]).damage, undefined);
  });

  test('and cut it cleanly between two batches: found out by whoever remembers what was there', async () => {
    const { where, session } = await written(4);
    const log = open(where);
    const position = log.headsOf([session]).get(session);
    assert.ok(position);
    await log.close();
    const file = segmentPath(where, 1);
    fs.writeFileSync(file, Buffer.concat(batchesOf(fs.readFileSync(file)).slice(0, 3)));
    assert.equal(verifyLog(where).damage, undefined);
    assert.deepEqual(verifyLog(where, [{ session, position }]).damage, { ...position, reason: 'missing' });
  });

  test('anywhere but at its end is not opened, and not touched', async () => {
    const { where } = await written(4);
    const file = segmentPath(where, 1);
    const whole = fs.readFileSync(file);
    const second = batchesOf(whole)[0]?.length ?? 0;
    const spoil: readonly [string, (bytes: Buffer) => void][] = [
      ['the mark of a batch', (bytes) => bytes.fill(0, second, second + 4)],
      ['its length, made longer than the file', (bytes) => bytes.writeUInt32LE(whole.length, second + 4)],
      ['its length, made shorter', (bytes) => bytes.writeUInt32LE(10, second + 4)],
      ['its length, made nonsense', (bytes) => bytes.writeUInt32LE(2 ** 32 - 1, second + 4)],
      ['its hash', (bytes) => bytes.fill(1, second + 44, second + 76)],
      ['its text', (bytes) => bytes.fill(1, second + 130, second + 140)],
    ];
    for (const [what, change] of spoil) {
      const bytes = Buffer.from(whole);
      change(bytes);
      fs.writeFileSync(file, bytes);
      assert.throws(() => open(where), code('audit_damaged'), what);
      assert.deepEqual(fs.readFileSync(file), bytes, what);
    }
  });
});
