import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { AppError } from '@hoop/core/errors';
import { Gate, type Policy } from '@hoop/core/gate';
import { silentLog } from '@hoop/core/log';
import type { Door } from '@hoop/core/protocol';
import { sessionFacts } from '@hoop/core/testing/session-facts';
import { plainMysql } from '@hoop/policy/plain-mysql';
import { compilePolicy } from '@hoop/policy/rules';
import { accept } from '@hoop/protocols/mysql/accept';
import { Columns } from '@hoop/protocols/mysql/columns';
import { connect } from '@hoop/protocols/mysql/connect';
import { decodeDescription, decodeShape } from '@hoop/protocols/mysql/messages/column';
import { fieldListText, refreshText } from '@hoop/protocols/mysql/messages/command';
import { executedText } from '@hoop/protocols/mysql/messages/execute';
import { decodeGreeting, decodeResponse, decodeSwitch } from '@hoop/protocols/mysql/messages/handshake';
import { columnName, decodeEof, decodeError, decodeOk, decodePrepared } from '@hoop/protocols/mysql/messages/result';
import { decodeTextRow } from '@hoop/protocols/mysql/messages/row';
import { MysqlRelay } from '@hoop/protocols/mysql/relay';
import { MysqlSettings } from '@hoop/protocols/mysql/settings';
import { FakeServer, PUBLIC_KEY } from '@hoop/protocols/mysql/testing/fake-server';
import { client, packet, rows, server } from '@hoop/protocols/mysql/testing/packets';
import { killedBy } from '@hoop/protocols/mysql/threads';
import { memoryStreams } from '@hoop/tunnel/memory';
import { StreamWire } from '@hoop/tunnel/stream-wire';
import { within } from '../support/until.ts';
import { several } from './conversation.ts';
import { type Dice, fuzz } from './fuzzer.ts';

const closing: (() => void)[] = [];
after(() => {
  for (const close of closing) close();
});

/** Whatever comes over a wire may be refused in these two ways, and in no other. */
function onlyFaults(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof AppError) || (error.kind !== 'peer' && error.kind !== 'target')) throw error;
  }
}

const MASKING = compilePolicy({ revision: 1, guardrails: [], masks: [{ name: 'pii', entities: ['EMAIL_ADDRESS'] }] }, 'mysql');
const DENYING: Policy = {
  ...MASKING,
  judge: ({ text }) => (text.includes('drop') ? { allow: false, denial: { rule: 'r', message: 'no' } } : { allow: true }),
};
const ALLOWING: Policy = { revision: 0, mask: undefined, judge: () => ({ allow: true }) };

function newRelay(policy: Policy): { relay: MysqlRelay; target: Buffer[]; shown: Buffer[] } {
  const [target, shown]: Buffer[][] = [[], []];
  const relay = new MysqlRelay(
    {
      gate: new Gate(policy, { intent: () => undefined, settled: () => undefined }),
      toTarget: (bytes) => void target?.push(Buffer.from(bytes)),
      toClient: (bytes) => void shown?.push(Buffer.from(bytes)),
    },
    { owner: { connection: 'c', userId: 'u' }, user: 'ada', version: '8.0.36', stop: () => Promise.resolve() },
  );
  return { relay, target: target ?? [], shown: shown ?? [] };
}

const SQL = ['select 1', 'drop table t', "load data local infile 'f' into table t", 'KILL QUERY 7', ''];

function clientPacket(dice: Dice): Buffer {
  return dice.pick([
    () => client.query(dice.pick(SQL)),
    () => client.prepare(dice.pick(SQL)),
    () => client.execute(1),
    () => client.executeWith(1, 'a', 'b'),
    () => client.longData(1, dice.number(3), 'x'.repeat(dice.number(30))),
    () => client.close(1),
    () => client.fetch(1, 2),
    () => client.ping(),
    () => client.changeUser('root', 'db'),
    () => client.changeUser('ada', ''),
    () => client.changeUser('ada', 'db'),
    () => packet(0, [dice.number(256)], dice.bytes(dice.number(20))),
  ])();
}

function serverPacket(dice: Dice): Buffer {
  const next = 1 + dice.number(5);
  return dice.pick([
    () => rows(1, ['a@example.com', null, 'x'], dice.pick([2, 10, 0x42])),
    () => server.ok(next, dice.number(200), dice.pick([2, 10])),
    () => server.error(next, 'wrong a@example.com'),
    () => server.eof(next, dice.pick([2, 10, 0x42])),
    () => server.columns(next, 1 + dice.number(3)),
    () => server.column(next, 'mail', dice.number(256)),
    () => server.prepared(next, 1, dice.number(2), dice.number(3)),
    () => server.row(next, 'b@example.com'),
    () => server.binaryRow(next, 'c@example.com'),
    () => server.fileRequest(next, 'f'),
  ])();
}

test('MySQL: the relay takes whatever a client and a server send, in any pieces, without more than a fault', async () => {
  const rounds = await fuzz('mysql relay', (dice) => {
    const { relay } = newRelay(dice.pick([MASKING, DENYING, ALLOWING]));
    const left = dice.chunks(dice.number(3) ? dice.mutate(several(dice, clientPacket)) : several(dice, clientPacket));
    const right = dice.chunks(dice.number(3) ? dice.mutate(several(dice, serverPacket)) : several(dice, serverPacket));
    onlyFaults(() => {
      while (left.length + right.length > 0) {
        const mine = left.length > 0 && (right.length === 0 || dice.number(2) === 0);
        const chunk = (mine ? left : right).shift() as Buffer;
        void (mine ? relay.fromClient(chunk) : relay.fromTarget(chunk));
      }
    });
    onlyFaults(() => void relay.end(undefined));
  });
  assert.ok(rounds > 100);
});

test('MySQL: what a client sends reaches the target byte for byte, in any pieces', async () => {
  const plain = (dice: Dice): Buffer =>
    dice.pick([() => client.query(dice.pick(SQL)), () => client.ping(), () => client.prepare('x'), () => client.close(1)])();
  const rounds = await fuzz('mysql requests', (dice) => {
    const { relay, target } = newRelay(ALLOWING);
    const sent = several(dice, plain);
    for (const chunk of dice.chunks(sent)) void relay.fromClient(chunk);
    assert.deepEqual(Buffer.concat(target), sent);
  });
  assert.ok(rounds > 100);
});

test('MySQL: no e-mail address of an answer gets past the mask, in any pieces', async () => {
  const rounds = await fuzz('mysql masking', (dice) => {
    const { relay, shown } = newRelay(MASKING);
    const answer = rows(1, ['a@example.com', 'x'.repeat(dice.number(50)), ' b.c@mail.example.org,'], 2, 'max_d@example.com');
    void relay.fromClient(client.query('select email from t'));
    for (const chunk of dice.chunks(answer)) void relay.fromTarget(chunk);
    const seen = Buffer.concat(shown);
    assert.equal(seen.length, answer.length);
    assert.equal(seen.includes('@'), false);
  });
  assert.ok(rounds > 100);
});

test('MySQL: every decoder takes any payload, cut anywhere, without more than a fault', async () => {
  const statement = (parameters: number) => ({
    text: 'x',
    parameters,
    parameterTypes: undefined,
    longData: new Map(),
    columns: new Columns(),
    prepared: new Columns(),
    shown: 0,
    executed: '',
  });
  const decoders: readonly ((payload: Buffer) => unknown)[] = [
    ...[
      decodeGreeting,
      decodeResponse,
      decodeSwitch,
      decodeError,
      decodeOk,
      decodeEof,
      decodePrepared,
      columnName,
      decodeShape,
      decodeDescription,
      decodeTextRow,
    ],
    ...[fieldListText, refreshText],
    (payload) => executedText(payload, statement(1)),
    (payload) => executedText(payload, statement(9)),
  ];
  const rounds = await fuzz('mysql decoders', (dice) => {
    const whole = dice.pick([
      () => dice.bytes(dice.number(80)),
      () => dice.mutate(serverPacket(dice)).subarray(4),
      () => dice.mutate(clientPacket(dice)).subarray(4),
    ])();
    for (const decode of decoders) for (let end = 0; end <= whole.length; end++) onlyFaults(() => decode(whole.subarray(0, end)));
  });
  assert.ok(rounds > 20);
});

test('MySQL: texts that are made to be slow are not', async () => {
  const rounds = await fuzz('mysql texts', (dice) => {
    const piece = dice.pick(['/*!', '/*', '*/', "'", '"', '`', '\\', "\\'", '#', '-- ', '\n', 'KILL ', '1', ' ', "''"]);
    const text = dice.pick(['', 'KILL QUERY ']) + piece.repeat(1 + dice.number(60_000 / piece.length));
    const began = performance.now();
    plainMysql(text);
    killedBy(text);
    const took = performance.now() - began;
    assert.ok(took < 500, `${text.length} characters of ${JSON.stringify(piece)} took ${Math.round(took)} ms`);
  });
  assert.ok(rounds > 10);
});

const DOOR = {
  tls: undefined,
  tlsRequired: false,
  proven: undefined,
  login: () => Promise.resolve('somebody'),
  cancel: () => undefined,
  mintCancelKey: (length: number) => '00'.repeat(length),
} as unknown as Door<string>;

test('MySQL: a client that says anything at all is let in or turned away, and never kept waiting', async () => {
  const head = Buffer.concat([Buffer.from([0, 0x82, 0x0a, 0, 0, 0, 0, 1, 45]), Buffer.alloc(23)]);
  const logins = ['caching_sha2_password', 'mysql_clear_password', 'mysql_native_password', 'dialog'];
  const rounds = await fuzz('mysql accept', async (dice) => {
    const [here, there] = memoryStreams();
    const wire = new StreamWire(there, 'fuzzer');
    const login = packet(1, head, 'user\0', [3], 'abc', `${dice.pick(logins)}\0`);
    const said = Buffer.concat([login, packet(3, dice.pick([[2], []]), dice.bytes(dice.number(40))), packet(5, dice.bytes(256))]);
    for (const chunk of dice.chunks(dice.number(3) ? dice.mutate(said) : said)) void wire.write(chunk);
    wire.end();
    await within(
      'the login ends',
      accept(new StreamWire(here, 'fuzzer'), DOOR).catch((error: unknown) => {
        if (!(error instanceof AppError) || error.kind === 'bug') throw error;
      }),
    );
  });
  assert.ok(rounds > 20);
});

test('MySQL: a target that says anything in its login is told as a fault of the target', async () => {
  let dice: Dice | undefined;
  const salt = Buffer.from('abcdefghijklmnopqrst');
  const words = (given: Dice): Buffer =>
    given.pick([
      () => server.ok(2),
      () => server.error(2, 'no'),
      () => packet(2, [1, given.pick([3, 4])]),
      () => packet(2, [1], PUBLIC_KEY),
      () => packet(2, [0xfe], `${given.pick(['sha256_password', 'mysql_native_password', 'caching_sha2_password', 'x'])}\0`, salt, [0]),
    ])();
  const to = await FakeServer.start((speaker) => {
    speaker.greet(salt, dice?.pick(['caching_sha2_password', 'mysql_native_password']));
    const said = dice ? several(dice, words) : Buffer.alloc(0);
    for (const chunk of dice?.chunks(dice.number(3) ? dice.mutate(said) : said) ?? []) speaker.raw(chunk);
    speaker.end();
  });
  closing.push(() => to.close());
  const settings = MysqlSettings.parse({ HOST: '127.0.0.1', PORT: to.port, USER: 'u', PASS: 'p', SSLMODE: 'disable' });
  const rounds = await fuzz('mysql target login', async (given) => {
    dice = given;
    try {
      const target = await within('the login ends', connect({ settings, hello: { user: 'u' }, log: silentLog(), session: sessionFacts() }));
      target.wire.destroy();
    } catch (error) {
      assert.ok(error instanceof AppError && ['target', 'misconfigured'].includes(error.kind), String(error));
    }
  });
  assert.ok(rounds > 10);
});
