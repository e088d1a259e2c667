import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AppError, TargetFault } from '@hoop/core/errors';
import type { Mask } from '@hoop/core/gate';
import { client, message, server } from './testing/messages.ts';
import { denying, newRelay, type PlayOptions, played, type Turn } from './testing/played.ts';
import { DENIED, RECORDED } from './testing/recorded.ts';

/** Hides every address, in place; written anew here, so that the relay is tested and not the detector. */
const MASK: Mask = {
  suspects: (bytes) => bytes.includes('@'),
  apply: (bytes, counts) => {
    const masked = Buffer.from(
      bytes.toString('latin1').replace(/[a-z]+@[a-z.]+/g, (found) => '#'.repeat(found.length)),
      'latin1',
    );
    if (masked.equals(bytes)) return bytes;
    counts.MAIL = (counts.MAIL ?? 0) + 1;
    return masked;
  },
};

/** Every way to cut each turn in two, and the cut into single bytes. */
function* cuts(turns: readonly Turn[]): Generator<PlayOptions['cut']> {
  const longest = Math.max(...turns.map(({ bytes }) => bytes.length));
  for (let at = 1; at < longest; at++) yield (bytes) => (at < bytes.length ? [bytes.subarray(0, at), bytes.subarray(at)] : [bytes]);
  yield (bytes) => Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
}

const later = <T>(value: T): Promise<T> => new Promise((resolve) => setImmediate(() => resolve(value)));

const said = (turns: readonly Turn[], by: Turn['by']): string =>
  turns
    .filter((turn) => turn.by === by)
    .map(({ bytes }) => bytes.toString('latin1'))
    .join('');

describe('a relay, however its bytes are cut', () => {
  for (const [about, turns] of Object.entries(RECORDED)) {
    test(`passes ${about} on as they are, and records the same`, async () => {
      const whole = await played(turns);
      assert.equal(whole.toClient, said(turns, 'server'));
      const dropped = about.startsWith('an error that is known');
      if (!dropped) assert.equal(whole.toTarget, said(turns, 'client'));
      for (const cut of cuts(turns)) assert.deepEqual(await played(turns, { ...(cut ? { cut } : {}) }), whole);
    });

    test(`hides what is to be hidden in ${about}, and nothing else`, async () => {
      const whole = await played(turns, { mask: MASK });
      const expected = said(turns, 'server').replace(/[ac]@[bd]\.example/g, '#'.repeat('a@b.example'.length));
      assert.equal(whole.toClient, expected);
      for (const cut of cuts(turns)) assert.deepEqual(await played(turns, { mask: MASK, ...(cut ? { cut } : {}) }), whole);
    });

    test(`waits for a slow judge in ${about}, and loses nothing`, async () => {
      const whole = await played(turns);
      const judge = () => later({ allow: true } as const);
      assert.deepEqual(await played(turns, { judge }), whole);
      assert.deepEqual(await played(turns, { judge, cut: (bytes) => Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)) }), whole);
    });
  }

  for (const [about, turns] of Object.entries(DENIED)) {
    test(`denies ${about} in its turn`, async () => {
      const whole = await played(turns, { judge: denying('denied') });
      assert.equal(whole.toTarget.includes('select denied'), false);
      assert.equal(whole.toTarget.includes('hoop_denied_'), true);
      assert.equal(whole.toClient.includes('hoop_denied_'), false);
      assert.match(whole.toClient, /SERROR\0VERROR\0C42501\0Mno denied\0/);
      assert.equal(whole.audit.filter((line) => line.includes('deny')).length, 1);
      for (const cut of cuts(turns)) assert.deepEqual(await played(turns, { judge: denying('denied'), ...(cut ? { cut } : {}) }), whole);
      const slow = (text: string) => later(denying('denied')(text));
      assert.deepEqual(await played(turns, { judge: slow }), whole);
    });
  }
});

describe('what a relay records', () => {
  test('is what ran, what it gave and how it ended', async () => {
    assert.deepEqual((await played(RECORDED['simple queries'] ?? [])).audit, [
      '1 query allow select 1',
      '1 settled rows=1 bytes=12 error= masked={}',
      '2 query allow ',
      '3 query allow insert into t values (1); select 2',
      '2 settled rows=0 bytes=0 error= masked={}',
      '3 settled rows=3 bytes=32 error= masked={}',
    ]);
    assert.deepEqual((await played(RECORDED['a pipeline with an error in it'] ?? [])).audit.slice(3), [
      '1 settled rows=1 bytes=12 error= masked={}',
      '2 settled rows=0 bytes=0 error=42601: syntax error masked={}',
      '3 settled rows=1 bytes=12 error= masked={}',
    ]);
  });

  test('quotes an error as the client sees it', async () => {
    const { audit } = await played(RECORDED['errors, notices and what comes unasked'] ?? [], { mask: MASK });
    assert.equal(audit[1], '1 settled rows=0 bytes=0 error=P0001: boom for ########### masked={"MAIL":3}');
  });
});

describe('a relay that is lied to', () => {
  const fromClient = (...bytes: Buffer[]) => played([{ by: 'client', bytes: Buffer.concat(bytes) }]);
  const fromServer = (...bytes: Buffer[]) => played([{ by: 'server', bytes: Buffer.concat(bytes) }]);

  for (const length of [0, 1, 3, -1, -(2 ** 31), 2 ** 30, 2 ** 31 - 1]) {
    test(`ends the session at a length of ${length}, from either side`, async () => {
      const head = Buffer.alloc(5, 'Q');
      head.writeInt32BE(length, 1);
      await assert.rejects(fromClient(head), (error) => error instanceof AppError && error.code === 'bad_length');
      head[0] = 'D'.charCodeAt(0);
      await assert.rejects(fromServer(head), (error) => error instanceof AppError && error.code === 'bad_length');
    });
  }

  test('ends the session at a message that no client sends', async () => {
    for (const type of ['p', 'Z', 'R', '\0', '\xff', 'W'])
      await assert.rejects(fromClient(message(type, Buffer.alloc(8))), /Invalid frontend message type/);
  });

  test('ends the session at an answer that nothing asked for', async () => {
    const answers = [
      server.ready(),
      server.complete('SELECT 1'),
      server.row('1'),
      server.parseComplete(),
      server.bindComplete(),
      server.closeComplete(),
      server.noData(),
    ];
    for (const answer of answers)
      await assert.rejects(fromServer(answer), (error) => error instanceof TargetFault && error.code === 'target_protocol');
    for (const type of ['R', 'K', 'W', 'v', 'Q'])
      await assert.rejects(fromServer(message(type, Buffer.alloc(4))), /that nothing asked for/);
  });

  test('holds a statement back at a bound, and passes data of any size on as it comes', async () => {
    const head = (type: string, length: number): Buffer => {
      const bytes = Buffer.alloc(5, type);
      bytes.writeInt32BE(length, 1);
      return bytes;
    };
    const large = 65 * 1024 * 1024;
    await assert.rejects(fromClient(head('Q', large)), (error) => error instanceof AppError && error.code === 'message_too_large');
    await assert.rejects(fromClient(head('P', large)), (error) => error instanceof AppError && error.code === 'message_too_large');
    for (const type of ['d', 'B']) {
      const { toTarget } = await fromClient(Buffer.concat([head(type, large), Buffer.alloc(10_000)]));
      assert.equal(toTarget.length, 10_005);
    }
  });

  test('a row that is to be checked is held whole, up to a bound', async () => {
    const turns: Turn[] = [
      { by: 'client', bytes: client.query('select') },
      { by: 'server', bytes: Buffer.concat([Buffer.from('D'), Buffer.from([0x04, 0x10, 0, 0])]) },
    ];
    await assert.rejects(played(turns, { mask: MASK }), (error) => error instanceof AppError && error.code === 'message_too_large');
    assert.equal((await played(turns)).toClient.length, 5);
  });

  test('names of portals and statements are bounded in number and in length', async () => {
    await assert.rejects(fromClient(client.bind('p'.repeat(3_000))), /A message has/);
    await assert.rejects(
      fromClient(...Array.from({ length: 20_001 }, (_, number) => client.parse(`s${number}`, ''))),
      /too many prepared statements/,
    );
    await assert.rejects(
      fromClient(...Array.from({ length: 70_000 }, () => client.sync())),
      (error) => error instanceof AppError && error.code === 'too_many_pending',
    );
  });
});

describe('the end of a session', () => {
  const open = () => {
    const out = { toTarget: [] as Buffer[], toClient: [] as Buffer[], audit: [] as string[] };
    return { relay: newRelay({}, out), out };
  };
  const killed = new TargetFault('session_killed', 'killed');

  test('settles what runs, and tells the client why between two messages', async () => {
    const { relay, out } = open();
    await relay.fromClient(client.query('select 1'));
    assert.equal(relay.busy, true);
    assert.match(relay.end(killed).toString('latin1'), /^E.*SFATAL\0VFATAL\0C57P01\0Mkilled\0/s);
    assert.equal(relay.busy, false);
    assert.deepEqual(out.audit.slice(1), ['1 settled rows=0 bytes=0 error=session ended: session_killed masked={}']);
  });

  test('says nothing in the middle of a message', async () => {
    const { relay } = open();
    await relay.fromClient(client.query('select 1'));
    await relay.fromTarget(server.row('a long cell').subarray(0, 9));
    assert.equal(relay.end(killed).length, 0);
  });

  test('says nothing after the server’s own last word', async () => {
    const { relay } = open();
    await relay.fromTarget(server.error('57P01', 'terminating connection', 'FATAL'));
    assert.equal(relay.end(killed).length, 0);
    assert.equal(relay.lastWord?.message, 'The target ended the session: 57P01: terminating connection');
  });

  test('has no words where there is no reason', () => {
    assert.equal(open().relay.end(undefined).length, 0);
  });
});
