import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { MysqlServer } from '../../support/mysql-server.ts';
import { startMariadb } from '../../support/test-mariadb.ts';
import { PieceProxy, sendInPieces } from '../postgres/lab.ts';
import { CHANGING, CONVERSATIONS, GROUND, play } from './conversations.ts';
import { Lab } from './lab.ts';

/** What is longer is not sent byte by byte: it would take minutes and show nothing new. */
const SLOW_BYTES_MAX = 300_000;

/*
 * With everything allowed and nothing hidden, what comes through is what the server says, byte for byte. Only the login differs.
 */
describe('what comes through of MySQL is the same, byte for byte', () => {
  let mariadb: MysqlServer;
  let database: string;
  const labs: Lab[] = [];
  let proxy: PieceProxy;

  before(async () => {
    mariadb = await startMariadb();
    database = await mariadb.database();
    await mariadb.sql(GROUND, database);
    proxy = await PieceProxy.start(mariadb.port, 1);
    labs.push(await Lab.start('memory', mariadb), await Lab.start('tunnel', mariadb));
  });
  after(async () => {
    proxy.close();
    for (const lab of labs) await lab.close();
  });
  afterEach(() => {
    for (const lab of labs) lab.tidyUp();
  });

  for (const conversation of CONVERSATIONS) {
    test(`${conversation.about}: through each kind of agent, whole and one byte at a time`, async () => {
      const [memory] = labs;
      assert.ok(memory);
      const direct = await memory.direct(database);
      const expected = await play(direct, conversation, (bytes) => direct.send(bytes));
      const sentBytes = conversation.steps.flatMap(({ send }) => send).reduce((sum, { length }) => sum + length, 0);
      for (const lab of labs) {
        const client = await lab.through(await lab.access(database), { encrypted: true });
        same(await play(client, conversation, (bytes) => client.send(bytes)), expected, 'whole');
        const slow = await lab.through(await lab.access(database));
        const pieces = sentBytes > SLOW_BYTES_MAX ? 65_521 : 1;
        same(await play(slow, conversation, (bytes) => sendInPieces(slow.socket, bytes, pieces)), expected, 'in pieces to the target');
        if (expected.length > SLOW_BYTES_MAX) continue;
        const dribbling = await lab.through(await lab.access(database, {}, { PORT: String(proxy.port) }));
        same(await play(dribbling, conversation, (bytes) => dribbling.send(bytes)), expected, 'one byte at a time from the target');
      }
    });
  }

  test('what changes each time is answered all the same', async () => {
    const [lab] = labs;
    assert.ok(lab);
    const client = await lab.through(await lab.access(database));
    assert.ok((await play(client, { about: 'changing', steps: CHANGING }, (bytes) => client.send(bytes))).length > 100);
  });

  test('with a mask that finds nothing it is the same too, but that any column may hold NULL', async () => {
    const [lab] = labs;
    assert.ok(lab);
    const [conversation] = CONVERSATIONS;
    assert.ok(conversation);
    const steps = conversation.steps.filter(({ send }) => !Buffer.concat(send).includes('mail'));
    const direct = await lab.direct(database);
    const expected = await play(direct, { about: '', steps }, (bytes) => direct.send(bytes));
    const masked = await lab.through(await lab.access(database, { mask: ['EMAIL_ADDRESS'] }));
    same(await play(masked, { about: '', steps }, (bytes) => masked.send(bytes)), nullable(expected), 'masked');
  });
});

/** The same answers, without the promise of a column that its values are never NULL. */
function nullable(bytes: Buffer): Buffer {
  const result = Buffer.from(bytes);
  for (let at = 0; at < result.length; ) {
    const end = at + 4 + result.readUIntLE(at, 3);
    const isColumn = result.toString('latin1', at + 4, at + 8) === '\x03def' && result[end - 13] === 0x0c;
    if (isColumn) result[end - 5] = (result[end - 5] ?? 0) & 0xfe;
    at = end;
  }
  return result;
}

/** Says where two streams part, which a diff of megabytes does not. */
function same(actual: Buffer, expected: Buffer, how: string): void {
  if (actual.equals(expected)) return;
  let at = 0;
  while (actual[at] === expected[at]) at++;
  const around = (bytes: Buffer): string => JSON.stringify(bytes.toString('latin1', Math.max(0, at - 60), at + 60));
  assert.fail(
    `${how}: of ${expected.length} bytes ${actual.length} came, other ones from ${at} on:\n${around(actual)}\n${around(expected)}`,
  );
}
