import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AnswerRules } from '@hoop/core/answer';
import type { Mask } from '@hoop/core/gate';
import { CURSOR, client, MORE, packet, rows, server } from './testing/packets.ts';
import { clientSays, type PlayOptions, played, serverSays, type Turn } from './testing/played.ts';

const denial = (rule: string) => ({ rule, message: `Not shown because of ${rule}` });
const refusal = (sequence: number, rule: string): Buffer => packet(sequence, [0xff, 0x76, 0x04], `#42501Not shown because of ${rule}`);
const atMost = (max: number): AnswerRules => ({ rows: { max, denial: denial('rows') } });
const forbidding = (word: string): AnswerRules => ({ forbids: (text) => (text.includes(word) ? denial(word) : undefined) });
const hiding = (...names: readonly string[]): AnswerRules => ({
  hides: (columns) =>
    typeof columns === 'number'
      ? undefined
      : columns.map(({ origin }) => (names.includes(origin?.column ?? '') ? () => Buffer.from('*') : undefined)),
});

/** However the answer is cut, the client is told the same. */
async function shown(turns: readonly Turn[], options: PlayOptions) {
  const whole = await played(turns, options);
  const bytewise = await played(turns, { ...options, answersPings: true, cut: (bytes) => [...bytes].map((byte) => Buffer.from([byte])) });
  assert.equal(bytewise.toClient, whole.toClient);
  assert.deepEqual(bytewise.audit, whole.audit);
  return whole;
}

const latin = (...parts: readonly Buffer[]): string => Buffer.concat(parts).toString('latin1');
const head = (first: number, name = 'a'): Buffer[] => [server.columns(first, 1), server.column(first + 1, name), server.eof(first + 2)];

describe('rules about the rows of an answer', () => {
  test('an answer ends with the denial where the first row over the limit would be, and the session goes on', async () => {
    const turns = [
      clientSays(client.query('select a')),
      serverSays(rows(1, ['1', '2', '3', '4'])),
      clientSays(client.ping()),
      serverSays(server.ok(1)),
    ];
    const { toClient, audit, relay } = await shown(turns, { answer: atMost(2) });
    assert.equal(toClient, latin(...head(1), server.row(4, '1'), server.row(5, '2'), refusal(6, 'rows'), server.ok(1)));
    assert.deepEqual(audit.slice(1), ['1 settled rows=2 error=denied: rows masked={}']);
    assert.equal(relay.busy, false);
  });

  test('an answer with as many rows as it may have passes whole', async () => {
    const turns = [clientSays(client.query('select a')), serverSays(rows(1, ['1', '2']))];
    const { toClient, stops } = await shown(turns, { answer: atMost(2) });
    assert.equal(toClient, latin(rows(1, ['1', '2'])));
    assert.deepEqual(stops, []);
  });

  test('rows of all results of one action count together, and nothing of the results behind is shown', async () => {
    const turns = [
      clientSays(client.query('call two()')),
      serverSays(rows(1, ['1', '2'], 2 | MORE), rows(7, ['3', '4'], 2 | MORE), server.ok(13)),
    ];
    const { toClient } = await shown(turns, { answer: atMost(3) });
    assert.equal(toClient, latin(rows(1, ['1', '2'], 2 | MORE), ...head(7), server.row(10, '3'), refusal(11, 'rows')));
  });

  test('rows that are fetched count across fetches, until the statement runs again', async () => {
    const opened = [server.columns(1, 1), server.column(2, 'c'), server.eof(3, 2 | CURSOR)];
    const fetched = [server.binaryRow(1, 'x'), server.binaryRow(2, 'y'), server.eof(3, 2 | CURSOR)];
    const turns = [
      clientSays(client.prepare('select c')),
      serverSays(server.prepared(1, 1, 1, 0), server.column(2, 'c'), server.eof(3)),
      clientSays(client.execute(1), client.fetch(1, 2), client.fetch(1, 2), client.fetch(1, 2)),
      serverSays(...opened, ...fetched, ...fetched, ...fetched),
      clientSays(client.execute(1), client.fetch(1, 2)),
      serverSays(...opened, ...fetched),
    ];
    const { toClient } = await shown(turns, { answer: atMost(3) });
    const prepared = [server.prepared(1, 1, 1, 0), server.column(2, 'c'), server.eof(3)];
    const expected = [
      ...prepared,
      ...opened,
      ...fetched,
      server.binaryRow(1, 'x'),
      refusal(2, 'rows'),
      refusal(1, 'rows'),
      ...opened,
      ...fetched,
    ];
    assert.equal(toClient, latin(...expected));
  });

  test('a row of several packets counts once', async () => {
    const long = 0xffffff;
    const row = Buffer.concat([packet(4, [0xfd, 0xff, 0xff, 0xff], Buffer.alloc(long - 4, 'x')), packet(5, Buffer.alloc(4, 'x'))]);
    const turns = [
      clientSays(client.query('select a')),
      serverSays(...head(1), row, server.row(6, 'short'), server.row(7, 'over'), server.eof(8)),
    ];
    const { toClient } = await played(turns, { answer: atMost(2) });
    assert.equal(toClient.length, latin(...head(1), row, server.row(6, 'short'), refusal(7, 'rows')).length);
    assert.ok(toClient.endsWith(latin(server.row(6, 'short'), refusal(7, 'rows'))));
  });

  test('the target is asked to stop only while it still sends, and a ping of our own takes a hit that comes too late', async () => {
    const begun = [clientSays(client.query('select a')), serverSays(...head(1), server.row(4, '1'), server.row(5, '2'))];
    const { relay, toTarget, stops, toClient } = await played(begun, { answer: atMost(1) });
    assert.deepEqual(stops, [client.query('select a').length]);
    assert.equal(toTarget, latin(client.query('select a'), client.ping()));
    assert.equal(toClient, latin(...head(1), server.row(4, '1'), refusal(5, 'rows')));
    assert.deepEqual([relay.busy, relay.atBoundary], [true, true]);
  });

  test('what the client sends while the target is being stopped waits, so that it is not hit', async () => {
    const stopped = Promise.withResolvers<void>();
    const sent: string[] = [];
    const playing = played(
      [
        clientSays(client.query('select a')),
        serverSays(...head(1), server.row(4, '1'), server.row(5, '2')),
        clientSays(client.query('next')),
        serverSays(server.row(6, '3'), server.error(7, 'interrupted'), server.error(1, 'late'), server.ok(1)),
      ],
      { answer: atMost(1), stop: () => stopped.promise, onTarget: (bytes) => void sent.push(bytes.toString('latin1')) },
    );
    assert.deepEqual(sent, [latin(client.query('select a'))]);
    stopped.resolve();
    const { toTarget, toClient, relay } = await playing;
    assert.equal(toTarget, latin(client.query('select a'), client.ping(), client.query('next')));
    assert.equal(toClient, latin(...head(1), server.row(4, '1'), refusal(5, 'rows'), server.ok(1)));
    assert.equal(relay.busy, false);
  });

  test('where more commands wait at the target nothing is stopped, and each gets its own answer', async () => {
    const turns = [
      clientSays(client.query('select a'), client.query('select b')),
      serverSays(...head(1), server.row(4, '1'), server.row(5, '2')),
      serverSays(server.row(6, '3'), server.eof(7), rows(1, ['b'])),
    ];
    const { toClient, stops } = await played(turns, { answer: atMost(1) });
    assert.deepEqual(stops, []);
    assert.equal(toClient, latin(...head(1), server.row(4, '1'), refusal(5, 'rows'), rows(1, ['b'])));
  });
});

describe('words that an answer must not hold', () => {
  const cases: readonly [what: string, said: Buffer, told: Buffer][] = [
    ['a cell', rows(1, ['fine', 'a secret', 'behind']), Buffer.concat([...head(1), server.row(4, 'fine'), refusal(5, 'secret')])],
    ['a column’s name', rows(1, ['fine'], 2, 'secret'), refusal(1, 'secret')],
    ['an error', server.error(1, 'duplicate secret'), refusal(1, 'secret')],
    ['the text of an OK', server.ok(1, 1, 2, 'the secret'), refusal(1, 'secret')],
  ];
  for (const [what, said, told] of cases) {
    test(`A33: ${what} ends it with the denial, and what it is about is not shown`, async () => {
      const turns = [clientSays(client.query('x')), serverSays(said), clientSays(client.ping()), serverSays(server.ok(1))];
      const { toClient, audit, relay } = await shown(turns, { answer: forbidding('secret') });
      assert.equal(toClient, latin(told, server.ok(1)));
      assert.match(audit.join(), /settled rows=[01] error=denied: secret/);
      assert.equal(relay.busy, false);
    });
  }

  test('an answer without them passes byte for byte', async () => {
    const said = [rows(1, ['fine', null, ''], 2 | MORE), server.ok(8, 1, 2, 'well')];
    const { toClient } = await shown([clientSays(client.query('x')), serverSays(...said)], { answer: forbidding('secret') });
    assert.equal(toClient, latin(...said));
  });

  test('A33: a number of the binary format is looked at as its digits', async () => {
    const turns = [
      clientSays(client.prepare('select n')),
      serverSays(server.prepared(1, 1, 1, 0), server.column(2, 'n', 8), server.eof(3)),
      clientSays(client.execute(1)),
      serverSays(
        server.columns(1, 1),
        server.column(2, 'n', 8),
        server.eof(3),
        server.binaryValues(4, 0, int64(4111111111111111n)),
        server.eof(5),
      ),
    ];
    const { toClient } = await shown(turns, { answer: forbidding('4111111111111111') });
    assert.ok(toClient.endsWith(latin(server.eof(3), refusal(4, '4111111111111111'))));
  });
});

describe('columns that are hidden whole', () => {
  const NOT_NULL = { flags: 1 };

  test('are known by where their values come from; a stand-in is shown where there is room, else NULL', async () => {
    const columns = (flags: number): Buffer[] => [
      server.columns(1, 3),
      server.column(2, 'x', 0xfd, { flags, origin: ['d', 't', 'ssn'] }),
      server.column(3, 'n', 8, { flags, origin: ['d', 't', 'pin'] }),
      server.column(4, 'ssn', 0xfd, { flags, origin: ['', '', ''] }),
      server.eof(5),
    ];
    const turns = [
      clientSays(client.query('q')),
      serverSays(...columns(NOT_NULL.flags), server.row(6, '123', '7', 'plain'), server.eof(7)),
    ];
    const { toClient } = await shown(turns, { answer: hiding('ssn', 'pin') });
    assert.equal(toClient, latin(...columns(0), server.row(6, '*', null, 'plain'), server.eof(7)));
  });

  test('are hidden in rows of prepared statements, and in those that a cursor gives later', async () => {
    const column = (sequence: number): Buffer => server.column(sequence, 'x', 8, { origin: ['d', 't', 'pin'] });
    const other = (sequence: number): Buffer => server.column(sequence, 'y');
    const value = Buffer.from([1, 0x79]);
    const turns = [
      clientSays(client.prepare('q')),
      serverSays(server.prepared(1, 1, 2, 0), column(2), other(3), server.eof(4)),
      clientSays(client.execute(1), client.execute(1), client.fetch(1, 1)),
      serverSays(server.columns(1, 2), column(2), other(3), server.eof(4), server.binaryValues(5, 0, int64(7n), value), server.eof(6)),
      serverSays(server.columns(1, 2), column(2), other(3), server.eof(4, 2 | CURSOR)),
      serverSays(server.binaryValues(1, 0, int64(7n), value), server.eof(2, 2 | CURSOR)),
    ];
    const { toClient } = await shown(turns, { answer: hiding('pin') });
    assert.ok(toClient.includes(latin(server.binaryValues(5, 0b100, value), server.eof(6))));
    assert.ok(toClient.endsWith(latin(server.binaryValues(1, 0b100, value), server.eof(2, 2 | CURSOR))));
  });

  test('A33: errors and warnings that may quote them have a code and no words', async () => {
    const answer = { ...hiding('ssn'), hushes: true };
    const warnings = ['Level', 'Code', 'Message'].map((name, index) => server.column(index + 2, name, 0xfd, { origin: ['', '', ''] }));
    const turns = [
      clientSays(client.query('select extractvalue(1, concat(0x7e, ssn)) from t'), client.query('show warnings')),
      serverSays(packet(1, [0xff, 0x51, 0x04], '#HY000XPATH syntax error: 078-05-1120')),
      serverSays(
        server.columns(1, 3),
        ...warnings,
        server.eof(5),
        server.row(6, 'Warning', '1292', 'Truncated: 078-05-1120'),
        server.eof(7),
      ),
      clientSays(client.query('select nothing')),
      serverSays(server.error(1, "Unknown column 'nothing'")),
    ];
    const { toClient, audit } = await shown(turns, { answer });
    assert.equal((toClient + audit.join()).includes('078-05-1120'), false);
    assert.ok(toClient.includes('HY000The words are hidden'));
    assert.ok(toClient.endsWith(latin(server.error(1, "Unknown column 'nothing'"))));
  });
});

describe('a mask on answers', () => {
  const hiding: Mask = {
    suspects: (bytes) => bytes.includes('secret'),
    apply: (text) => Buffer.from(text.toString().replaceAll('secret', '######')),
  };
  const said = Buffer.concat([rows(1, ['a secret', null, 'plain', 'secret'], 2 | MORE, 'secret'), server.error(10, 'about secret')]);
  const turns = [clientSays(client.query('q')), serverSays(said)];

  test('A32: hides a value whatever it is cut by on the way', async () => {
    const { toClient } = await played(turns, { mask: hiding });
    assert.equal(toClient, said.toString('latin1').replaceAll('secret', '######'));
    for (let at = 1; at < said.length; at++) {
      const cut = (bytes: Buffer): Buffer[] => [bytes.subarray(0, at), bytes.subarray(at)].filter(({ length }) => length > 0);
      assert.equal((await played(turns, { mask: hiding, cut })).toClient, toClient, `cut at ${at}`);
    }
  });

  test('A35: that fails on a value ends the session, and shows nothing of it', async () => {
    const failing: Mask = {
      suspects: () => true,
      apply: (text) => {
        if (text.includes('secret')) throw new Error('a detector failed');
        return text;
      },
    };
    for (const answer of [rows(1, ['fine', 'a secret']), server.error(1, 'a secret'), server.ok(1, 1, 2, 'a secret')]) {
      const shown: Buffer[] = [];
      const playing = played([clientSays(client.query('q')), serverSays(answer)], {
        mask: failing,
        onClient: (bytes) => void shown.push(bytes),
      });
      await assert.rejects(playing, /a detector failed/);
      assert.equal(Buffer.concat(shown).includes('secret'), false);
    }
  });

  test('A35: that comes in the middle of a row of several packets ends the session rather than show the rest unseen', async () => {
    const long = 0xffffff;
    const row = Buffer.concat([packet(4, [0xfd, 0xff, 0xff, 0xff], Buffer.alloc(long - 4, 'x')), packet(5, Buffer.from('a secret'))]);
    let mask: Mask | undefined;
    const playing = played(
      [clientSays(client.query('q')), serverSays(...head(1)), serverSays(row.subarray(0, long)), serverSays(row.subarray(long))],
      {
        maskNow: () => mask,
        onClient: (bytes) => {
          if (bytes.length > 1_000_000) mask = hiding;
        },
      },
    );
    await assert.rejects(playing, { code: 'message_too_large' });
  });
});

describe('a mask that asks somebody else', () => {
  test('is asked about all texts of a chunk at once, before it is applied to any of them', async () => {
    const known = new Set<string>();
    const asked: string[][] = [];
    const mask: Mask = {
      suspects: () => true,
      apply: (text) => (known.has(text.toString()) ? Buffer.from(text.toString().replace('secret', '######')) : Buffer.from('unknown')),
      prepare: async (texts) => {
        asked.push(texts.map(String));
        for (const text of texts) known.add(text.toString());
      },
    };
    const turns = [
      clientSays(client.query('q'), client.query('wrong')),
      serverSays(rows(1, ['a secret', 'plain', null], 2 | MORE), rows(8, ['more']), server.error(1, 'secret')),
    ];
    const { toClient } = await played(turns, { mask });
    assert.equal(asked.length, 1);
    assert.ok(['a secret', 'plain', 'more', 'secret'].every((text) => asked[0]?.includes(text)));
    assert.equal(toClient, latin(rows(1, ['a ######', 'plain', null], 2 | MORE), rows(8, ['more']), server.error(1, '######')));
    await shown(turns, { mask });
  });

  test('is not asked about columns that are hidden whole', async () => {
    const asked: string[] = [];
    const mask: Mask = { suspects: () => true, apply: (text) => text, prepare: async (texts) => void asked.push(...texts.map(String)) };
    const columns = [server.columns(1, 2), server.column(2, 'ssn'), server.column(3, 'b'), server.eof(4)];
    const turns = [
      clientSays(client.query('q')),
      serverSays(...columns, server.row(5, '078-05-1120', 'plain')),
      serverSays(server.row(6, '078-05-1120', 'more'), server.eof(7)),
    ];
    const { toClient } = await played(turns, { mask, answer: hiding('ssn') });
    assert.deepEqual([asked.includes('plain'), asked.includes('more'), asked.includes('078-05-1120')], [true, true, false]);
    assert.ok(toClient.endsWith(latin(server.row(5, '*', 'plain'), server.row(6, '*', 'more'), server.eof(7))));
  });
});

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes;
}
