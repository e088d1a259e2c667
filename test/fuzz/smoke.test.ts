import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FRAME_KINDS, type FrameKind } from '@hoop/contract/tunnel';
import type { Action, Verdict } from '@hoop/core/action';
import type { AnswerRules } from '@hoop/core/answer';
import { AppError } from '@hoop/core/errors';
import { Gate, type Mask } from '@hoop/core/gate';
import type { Door } from '@hoop/core/protocol';
import { findEmails } from '@hoop/policy/detectors/email';
import { plainSql } from '@hoop/policy/plain-sql';
import { compilePolicy } from '@hoop/policy/rules';
import { accept } from '@hoop/protocols/postgres/accept';
import { maskCell, textsOf } from '@hoop/protocols/postgres/cells';
import { copyStyleOf } from '@hoop/protocols/postgres/copy-style';
import { CopyOut, decodeCopyOut } from '@hoop/protocols/postgres/copying';
import { decodeBind } from '@hoop/protocols/postgres/messages/bind';
import { decodeError } from '@hoop/protocols/postgres/messages/error';
import { decodeExecute, decodeFunctionOid, decodeParse, decodeQuery, decodeTarget } from '@hoop/protocols/postgres/messages/query';
import { decodeDataRow, decodeRowDescription, decodeTag } from '@hoop/protocols/postgres/messages/row';
import { decodeStartup, encodeStartup } from '@hoop/protocols/postgres/messages/startup';
import { PostgresRelay } from '@hoop/protocols/postgres/relay';
import { mendArray, mendJson } from '@hoop/protocols/postgres/texts';
import { kindOf } from '@hoop/protocols/postgres/types';
import { encodeFrame, FrameReader } from '@hoop/tunnel/frame';
import { memoryStreams } from '@hoop/tunnel/memory';
import { StreamWire } from '@hoop/tunnel/stream-wire';
import { anyClientMessage, clientMessage, serverMessage, several } from './conversation.ts';
import { type Dice, FuzzFailure, fuzz } from './fuzzer.ts';

/** Whatever comes over a wire may be refused in these two ways, and in no other. */
function onlyFaults(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof AppError) || (error.kind !== 'peer' && error.kind !== 'target')) throw error;
  }
}

const POLICY = compilePolicy({
  revision: 1,
  guardrails: [{ name: 'no drop', input: [{ type: 'deny_words_list', words: ['drop'], pattern_regex: '', message: '' }], output: [] }],
  masks: [{ name: 'pii', entities: ['EMAIL_ADDRESS'] }],
});

interface Passed {
  target: number;
  client: Buffer[];
}

function newRelay(masked: boolean, answer?: AnswerRules): { relay: PostgresRelay; passed: Passed } {
  const passed: Passed = { target: 0, client: [] };
  const judged = answer ? { ...POLICY, judge: (action: Action) => withAnswer(POLICY.judge(action), answer) } : POLICY;
  const policy = masked ? judged : { ...judged, mask: undefined };
  const gate = new Gate(policy, { intent: () => undefined, settled: () => undefined });
  const relay = new PostgresRelay(
    {
      gate,
      toTarget: (bytes) => {
        passed.target += bytes.length;
      },
      toClient: (bytes) => void passed.client.push(Buffer.from(bytes)),
    },
    NO_CANCEL,
  );
  return { relay, passed };
}

const NO_CANCEL = (): Promise<void> => Promise.resolve();

const ENOUGH = { rule: 'fuzz', message: 'enough' };
const ANSWERS: readonly AnswerRules[] = [
  { rows: { max: 1, denial: ENOUGH } },
  { forbids: (text) => (text.includes('@') ? ENOUGH : undefined) },
  { hides: (columns) => (typeof columns === 'number' ? [() => null] : columns.map(() => () => Buffer.from('hidden'))), hushes: true },
];

function withAnswer(verdict: Verdict | Promise<Verdict>, answer: AnswerRules): Verdict | Promise<Verdict> {
  return !(verdict instanceof Promise) && verdict.allow === true ? { allow: true, answer } : verdict;
}

function throwIt(error: unknown): never {
  throw error;
}

/** Types of every way to be written. */
const TYPES = [17, 20, 23, 25, 114, 650, 869, 1007, 1043, 1082, 1184, 1186, 1231, 1700, 2249, 2950, 3802, 3904, 4451, 99_999];

/** Finds something in everything. */
const SUSPICIOUS: Mask = { suspects: () => true, apply: (text) => Buffer.alloc(text.length + 1, '#') };

/** Feeds both directions in turns until one of them refuses. */
function converse(dice: Dice, relay: PostgresRelay, fromClient: readonly Buffer[], fromTarget: readonly Buffer[]): void {
  const [left, right] = [[...fromClient], [...fromTarget]];
  while (left.length + right.length > 0) {
    const mine = left.length > 0 && (right.length === 0 || dice.number(2) === 0);
    const chunk = (mine ? left : right).shift() as Buffer;
    const waiting = mine ? relay.fromClient(chunk) : relay.fromTarget(chunk);
    if (!waiting) continue;
    waiting.catch((error) => onlyFaults(() => throwIt(error)));
    // A client that is to wait does.
    if (mine) left.length = 0;
  }
}

test('canary: a fuzzer that meets a bug says so, with a seed that repeats it', async () => {
  const failed = await fuzz('canary', (dice) => {
    if (dice.number(50) === 7) throw new TypeError('the bug');
  }).catch((error: unknown) => error);
  assert.ok(failed instanceof FuzzFailure);
  assert.match(failed.message, /HOOP_TEST_SEED=\d+ repeats it: the bug/);
});

test('the relay takes whatever a client and a server send, in any pieces, without more than a fault', async () => {
  const rounds = await fuzz('relay', (dice) => {
    const { relay, passed } = newRelay(dice.number(2) === 0, dice.pick([undefined, ...ANSWERS]));
    const client = dice.mutate(several(dice, anyClientMessage));
    const target = dice.mutate(several(dice, serverMessage));
    onlyFaults(() => converse(dice, relay, dice.chunks(client), dice.chunks(target)));
    onlyFaults(() => void relay.end(undefined));
    const bound = 400 * 13;
    assert.ok(passed.target <= client.length + bound, 'more went to the target than the client sent');
  });
  assert.ok(rounds > 100);
});

test('what a client sends reaches the target byte for byte, in any pieces', async () => {
  const rounds = await fuzz('requests', (dice) => {
    const passed: Buffer[] = [];
    const gate = new Gate(
      { revision: 0, mask: undefined, judge: () => ({ allow: true }) },
      { intent: () => undefined, settled: () => undefined },
    );
    const relay = new PostgresRelay(
      { gate, toTarget: (bytes) => void passed.push(Buffer.from(bytes)), toClient: () => undefined },
      NO_CANCEL,
    );
    const sent = several(dice, clientMessage);
    // A message that waits for a server's answer waits for ever here: what came before it has passed, and nothing else.
    const isHeld = dice.chunks(sent).some((chunk) => relay.fromClient(chunk) !== undefined);
    const seen = Buffer.concat(passed);
    assert.deepEqual(seen, isHeld ? sent.subarray(0, seen.length) : sent);
  });
  assert.ok(rounds > 100);
});

test('no e-mail address of an answer gets past the mask, in any pieces', async () => {
  const rounds = await fuzz('masking', (dice) => {
    const { relay, passed } = newRelay(true);
    const answer = Buffer.concat([serverRow('a@example.com'), serverRow('x'.repeat(dice.number(50))), serverRow(' b.c@mail.example.org,')]);
    void relay.fromClient(query('select email from t'));
    for (const chunk of dice.chunks(answer)) void relay.fromTarget(chunk);
    const seen = Buffer.concat(passed.client);
    assert.equal(seen.length, answer.length);
    assert.equal(seen.includes('@'), false);
  });
  assert.ok(rounds > 100);
});

test('every decoder takes any body without more than a fault', async () => {
  const decoders: readonly ((body: Buffer) => unknown)[] = [
    decodeQuery,
    decodeParse,
    (body) => decodeBind(body, true, 2_048),
    decodeCopyOut,
    (body) => [...new CopyOut({ isBinary: true, columns: 1 }, undefined, undefined).texts(body)],
    (body) => [...new CopyOut({ isBinary: false, columns: 1 }, copyStyleOf('copy t to stdout csv'), undefined).texts(body)],
    (body) => copyStyleOf(body.toString('latin1')),
    (body) => TYPES.map((type) => [...textsOf(body, { kind: kindOf(type), format: undefined })]),
    (body) => TYPES.map((type) => maskCell(body, { kind: kindOf(type), format: undefined }, SUSPICIOUS, {})),
    decodeExecute,
    decodeTarget,
    decodeFunctionOid,
    decodeRowDescription,
    decodeDataRow,
    decodeTag,
    decodeError,
    (body) => decodeStartup(0x30000, body),
  ];
  const rounds = await fuzz('decoders', (dice) => {
    const body = dice.number(2) === 0 ? dice.bytes(dice.number(64)) : dice.mutate(several(dice, serverMessage)).subarray(5);
    for (const decode of decoders) onlyFaults(() => decode(body));
  });
  assert.ok(rounds > 100);
});

test('a client that says anything at all is let in or turned away, and never kept waiting', async () => {
  const rounds = await fuzz('accept', async (dice) => {
    const [here, there] = memoryStreams();
    const client = new StreamWire(there, 'fuzzer');
    const start = encodeStartup(3, dice.number(4), [
      ['user', 'u'],
      ['database', 'd'],
    ]);
    const said = dice.number(3) === 0 ? dice.bytes(dice.number(60)) : dice.mutate(start);
    for (const chunk of dice.chunks(said)) void client.write(chunk);
    client.end();
    await accept(new StreamWire(here, 'fuzzer'), DOOR).catch((error: unknown) => {
      if (!(error instanceof AppError) || error.kind === 'bug') throw error;
    });
  });
  assert.ok(rounds > 20);
});

test('frames of the tunnel come out as they went in, in any pieces, and damaged ones are a fault', async () => {
  const rounds = await fuzz('frames', (dice) => {
    const kinds = Object.values(FRAME_KINDS).filter((kind) => kind !== FRAME_KINDS.data);
    const frames = Array.from({ length: 1 + dice.number(6) }, () => ({ kind: dice.pick(kinds), payload: dice.bytes(1 + dice.number(90)) }));
    const whole = Buffer.concat(frames.map(({ kind, payload }) => encodeFrame(kind, payload)));
    const got: { kind: FrameKind; payload: Buffer }[] = [];
    const reader = new FrameReader({
      data: () => undefined,
      message: (kind, payload) => void got.push({ kind, payload: Buffer.from(payload) }),
    });
    for (const chunk of dice.chunks(whole)) void reader.push(chunk);
    assert.deepEqual(got, frames);
    const damaged = new FrameReader({ data: () => undefined, message: () => undefined });
    onlyFaults(() => {
      for (const chunk of dice.chunks(dice.mutate(whole))) void damaged.push(chunk);
    });
  });
  assert.ok(rounds > 100);
});

test('texts that are made to be slow are not', async () => {
  const rounds = await fuzz('texts', (dice) => {
    const piece = dice.pick(['/*', "'", '$a$', '--', '@', 'a@', '.', '$', '"', '\\', "E'", '*/', '\n', '@a.', 'é']);
    const text = dice.pick(['', 'select ']) + piece.repeat(1 + dice.number(60_000 / piece.length));
    const began = performance.now();
    plainSql(text);
    copyStyleOf(`${text.slice(0, 16_000)} to stdout`);
    mendJson(Buffer.from(text));
    mendArray(Buffer.from(text), Buffer.from(text), 20);
    findEmails(Buffer.from(text), () => undefined);
    const took = performance.now() - began;
    assert.ok(took < 500, `${text.length} characters of ${JSON.stringify(piece)} took ${Math.round(took)} ms`);
  });
  assert.ok(rounds > 10);
});

const DOOR: Door<string> = {
  tls: undefined,
  tlsRequired: false,
  proven: 'somebody',
  login: () => Promise.resolve('somebody'),
  cancel: () => undefined,
  mintCancelKey: (length) => '00'.repeat(length),
};

function query(text: string): Buffer {
  const body = Buffer.from(`${text}\0`);
  const header = Buffer.alloc(5);
  header.write('Q');
  header.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

function serverRow(text: string): Buffer {
  const cell = Buffer.from(text);
  const row = Buffer.alloc(11 + cell.length);
  row.write('D');
  row.writeInt32BE(row.length - 1, 1);
  row.writeInt16BE(1, 5);
  row.writeInt32BE(cell.length, 7);
  cell.copy(row, 11);
  return row;
}
