import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { TestPostgres } from '../../support/test-postgres.ts';
import { CONVERSATIONS, GROUND, play } from './conversations.ts';
import { Lab, PieceProxy, sendInPieces } from './lab.ts';

/*
 * With everything allowed and nothing hidden, what comes through is what the server says, byte for byte. Only the login differs,
 * and the cancel key in it.
 */
describe('what comes through is the same, byte for byte', () => {
  let postgres: TestPostgres;
  let database: string;
  const labs: Lab[] = [];
  let proxy: PieceProxy;

  before(async () => {
    postgres = await TestPostgres.start();
    database = await postgres.database();
    await postgres.sql(GROUND, database);
    proxy = await PieceProxy.start(postgres.port, 1);
    labs.push(await Lab.start('memory', postgres), await Lab.start('tunnel', postgres));
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
      const [memory, tunnel] = labs;
      assert.ok(memory && tunnel);
      const direct = await memory.direct(database);
      const expected = await play(direct, conversation, (bytes) => direct.send(bytes));
      for (const lab of labs) {
        const access = await lab.access(database);
        const client = await lab.through(access, {}, 'requested');
        same(await play(client, conversation, (bytes) => client.send(bytes)), expected, 'whole');
        const slow = await lab.through(access);
        same(await play(slow, conversation, (bytes) => sendInPieces(slow.socket, bytes, 1)), expected, 'one byte at a time to the target');
        const dribbling = await lab.through(await lab.access(database, {}, { PORT: String(proxy.port) }));
        const isLong = expected.length > 1_000_000;
        if (!isLong)
          same(await play(dribbling, conversation, (bytes) => dribbling.send(bytes)), expected, 'one byte at a time from the target');
      }
    });
  }

  test('the greeting after the login is the server’s own, but for the cancel key', async () => {
    const [lab] = labs;
    assert.ok(lab);
    const greeting = async (client: Promise<{ takeBytes(): Buffer }>): Promise<string> => {
      const bytes = (await client).takeBytes();
      const parts: string[] = [];
      for (let at = 0; at < bytes.length; at += 1 + bytes.readInt32BE(at + 1)) {
        const type = bytes.toString('latin1', at, at + 1);
        const body = bytes.toString('latin1', at + 5, at + 1 + bytes.readInt32BE(at + 1));
        if (type === 'K') parts.push(`K of ${body.length} bytes`);
        else if (type !== 'R') parts.push(type + body);
      }
      return parts.join('\n');
    };
    const options = { parameters: { application_name: 'identity', client_encoding: 'UTF8', options: '-c geqo=off' } };
    assert.equal(await greeting(lab.through(await lab.access(database), options)), await greeting(lab.direct(database, options)));
  });
});

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
