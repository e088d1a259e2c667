import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Access } from '../../support/office.ts';
import { until, within } from '../../support/until.ts';
import { Lab } from './lab.ts';
import {
  cancelRequest,
  cellsOf,
  type Encryption,
  GSS_REQUEST,
  int32,
  message,
  query,
  type Reply,
  SSL_REQUEST,
  startup,
  text,
  type WireClient,
  wordsOf,
} from './wire-client.ts';

const PROTOCOL_3_2 = (3 << 16) | 2;

describe('ways into the gateway', () => {
  let lab: Lab;
  let database: string;
  let access: Access;
  before(async () => {
    lab = await Lab.start('memory');
    database = await lab.postgres.database();
    access = await lab.access(database);
  });
  after(() => lab.close());
  afterEach(() => lab.tidyUp());

  const cell = (replies: readonly Reply[]): string | null | undefined => cellsOf(replies.find(({ type }) => type === 'D') as Reply)[0];

  /** What is heard after these bytes, up to the end of the connection. */
  async function heardAfter(bytes: Buffer, encryption: Encryption = 'none'): Promise<string[]> {
    const client = await lab.connect(access, encryption);
    client.send(bytes);
    return (await client.rest()).map((reply) => (reply.type === 'E' ? wordsOf(reply) : reply.type));
  }

  const login = { user: 'anybody', database: 'anything' };

  describe('encryption', () => {
    for (const encryption of ['none', 'requested', 'direct'] satisfies Encryption[]) {
      test(`a client on this machine gets in with encryption ${encryption}`, async () => {
        const client = await lab.through(access, {}, encryption);
        assert.equal(cell(await client.ask('select 42')), '42');
      });
    }

    test('direct TLS without the protocol’s name in it gets nowhere', async () => {
      for (const alpn of [[], ['http/1.1']]) {
        const client = await lab.connect(access);
        const refused = await client.startTls(alpn).then(
          async () => {
            client.send(startup(login));
            return (await client.rest()).length === 0;
          },
          () => true,
        );
        assert.equal(refused, true);
      }
    });

    test('GSS encryption is refused, and TLS may be asked for after it', async () => {
      const client = await lab.connect(access);
      client.send(GSS_REQUEST);
      assert.equal((await client.bytes(1)).toString(), 'N');
      client.send(SSL_REQUEST);
      assert.equal((await client.bytes(1)).toString(), 'S');
      await client.startTls(['postgresql']);
      await client.login({ user: access.connection, password: access.secret });
      assert.equal(cell(await client.ask('select 1')), '1');
    });

    test('TLS inside TLS is refused', async () => {
      const client = await lab.connect(access, 'requested');
      client.send(SSL_REQUEST);
      assert.equal((await client.bytes(1)).toString(), 'N');
    });

    test('bytes behind the request for TLS, which somebody in between may have put there, end the connection', async () => {
      const client = await lab.connect(access);
      client.send(Buffer.concat([SSL_REQUEST, startup(login)]));
      const heard = (await client.rest()).map(wordsOf);
      assert.match(heard.join(), /08P01: Received unencrypted data after the request for TLS/);
    });

    test('who asks for encryption without end is sent away', async () => {
      const client = await lab.connect(access);
      for (let time = 0; time < 3; time++) {
        client.send(GSS_REQUEST);
        assert.equal((await client.bytes(1)).toString(), 'N');
      }
      assert.match((await client.rest()).map(wordsOf).join(), /asks for encryption again and again/);
    });
  });

  describe('versions of the protocol', () => {
    test('3.0 has a cancel key of four bytes, and 3.2 one of 32', async () => {
      const old = await lab.through(access);
      assert.equal(old.cancelKey.length, 4 + 4);
      const recent = await lab.through(access, { version: PROTOCOL_3_2 });
      assert.equal(recent.cancelKey.length, 4 + 32);
    });

    test('a long cancel key stops the statement that runs', async () => {
      const own = await lab.access(database);
      const client = await lab.through(own, { version: PROTOCOL_3_2 });
      client.send(query('select pg_sleep(600)'));
      const session = await lab.system.office.openSession(own.connection);
      await until('the statement is recorded', async () => (await lab.system.office.actions(session.id)).length === 1);
      const canceller = await lab.connect(own);
      canceller.send(cancelRequest(client.cancelKey));
      await canceller.rest();
      const heard = await client.until('Z');
      assert.ok(heard.some((reply) => reply.type === 'E' && wordsOf(reply).includes('57014')));
    });

    test('a newer one, and options of newer ones, are negotiated down', async () => {
      const client = await lab.connect(access);
      const greeting = await client.login({
        user: access.connection,
        password: access.secret,
        version: (3 << 16) | 9999,
        parameters: { '_pq_.future': 'on' },
      });
      const [negotiated] = greeting;
      assert.equal(negotiated?.type, 'v');
      assert.deepEqual(negotiated.body, Buffer.concat([int32(PROTOCOL_3_2), int32(1), text('_pq_.future')]));
      assert.equal(cell(await client.ask('select 1')), '1');
    });

    test('others are refused with words', async () => {
      for (const version of [2 << 16, 4 << 16, 1])
        assert.match((await heardAfter(startup(login, version))).join(), /is not spoken here; use 3.0 to 3.2/);
    });
  });

  describe('what is asked for', () => {
    test('replication is refused with words, in every way to ask for it', async () => {
      for (const replication of ['true', 'database', 'on', '1', 'yes'])
        assert.match((await heardAfter(startup({ ...login, replication }))).join(), /FATAL 0A000: Replication connections are not allowed/);
    });

    test('a session that says it is none of replication is let in', async () => {
      const client = await lab.through(access, { parameters: { replication: 'false' } });
      assert.equal(cell(await client.ask('select 1')), '1');
    });

    test('the secret may stand in the user’s name, for clients that ask for nothing else', async () => {
      const client = await lab.connect(access);
      const greeting = await client.login({ user: access.secret, password: '' });
      assert.equal(greeting[0]?.type, 'R');
      assert.equal(greeting[0].body.readInt32BE(0), 0);
      assert.equal(cell(await client.ask('select 1')), '1');
    });

    test('settings of the client reach the target, and its user does not', async () => {
      const parameters = {
        application_name: 'my tool',
        options: '-c search_path=nowhere -c statement_timeout=12345',
        client_encoding: 'SJIS',
      };
      const client = await lab.through(access, { parameters });
      assert.equal(cell(await client.ask("select current_setting('application_name')")), 'my tool');
      assert.equal(cell(await client.ask("select current_setting('search_path')")), 'nowhere');
      assert.equal(cell(await client.ask("select current_setting('client_encoding')")), 'SJIS');
      assert.equal(cell(await client.ask('select session_user')), 'trusted');
    });

    test('a setting that the target does not know is refused in the target’s words', async () => {
      await assert.rejects(
        lab.through(access, { parameters: { no_such_setting: '1' } }),
        /unrecognized configuration parameter "no_such_setting"/,
      );
    });

    test('a database that is not there is refused in the target’s words', async () => {
      await assert.rejects(lab.through(access, { database: 'no_such_database' }), /database "no_such_database" does not exist/);
    });
  });

  describe('who does not speak the protocol', () => {
    const closed: readonly [string, Buffer][] = [
      ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
      ['a packet of no bytes', int32(0)],
      ['a packet that is too long', Buffer.concat([int32(10_001), int32(3 << 16), Buffer.alloc(100, 'x')])],
      ['a negative length', Buffer.concat([int32(-1), int32(3 << 16)])],
      ['a cancel request without a key', cancelRequest(Buffer.alloc(0))],
      ['a cancel request with a key without end', cancelRequest(Buffer.alloc(300))],
    ];
    for (const [what, bytes] of closed) {
      test(`${what}: the connection closes without a word`, async () => {
        assert.deepEqual(await heardAfter(Buffer.concat([bytes, Buffer.alloc(8)])), []);
      });
    }

    const told: readonly [string, Buffer, RegExp][] = [
      ['a start without a user', startup({ database: 'x' }), /No PostgreSQL user name/],
      ['a start that does not end', Buffer.concat([int32(4 + 4 + 5), int32(3 << 16), text('user')]), /A message has/],
      [
        'a start with an odd number of texts',
        Buffer.concat([int32(4 + 4 + 6), int32(3 << 16), text('user'), Buffer.from([0])]),
        /A message has/,
      ],
      ['a query instead of a password', Buffer.concat([startup(login), query('select 1')]), /Expected a password/],
      ['a password of five thousand bytes', Buffer.concat([startup(login), message('p', text('x'.repeat(5_000)))]), /claims a length/],
      ['a password with bytes behind it', Buffer.concat([startup(login), message('p', text('x'), text('y'))]), /bytes after its end/],
      ['an empty password', Buffer.concat([startup(login), message('p', text(''))]), /secret is unknown/],
    ];
    for (const [what, bytes, words] of told) {
      test(`${what}: it is told`, async () => {
        const heard = await heardAfter(bytes);
        assert.match(heard.at(-1) ?? 'nothing', words);
        assert.match(heard.at(-1) ?? '', /^FATAL/);
      });
    }

    test('who leaves in the middle of the login leaves nothing behind', async () => {
      for (const bytes of [Buffer.from([0]), startup(login).subarray(0, 6), startup(login)]) {
        const client = await lab.connect(access);
        client.send(bytes);
        client.socket.end();
        await within('the gateway closes too', client.rest());
      }
      assert.equal(lab.system.gateway.engine.liveCount(), 0);
    });
  });

  describe('who never closes the connection', () => {
    test('is not waited for: after a refusal, a cancel or a session, the gateway closes', async () => {
      const openFiles = (): number => readdirSync('/proc/self/fd').length;
      const before = openFiles();
      const waiting: WireClient[] = [];
      for (let time = 0; time < 10; time++) {
        const refused = await lab.connect(access);
        refused.send(startup(login), message('p', text('wrong')));
        await refused.rest();
        const cancelling = await lab.connect(access);
        cancelling.send(cancelRequest(Buffer.alloc(8)));
        await cancelling.rest();
        const over = await lab.through(access, {}, 'requested');
        over.send(message('X'));
        await over.rest();
        const killed = await lab.through(access);
        const killing = (await lab.system.office.sessions(access.connection)).find(({ status }) => status === 'open');
        await lab.system.office.kill(killing?.id ?? '');
        await killed.rest();
        waiting.push(refused, cancelling, over, killed);
      }
      // What is left open is the clients' side; of the gateway's not one.
      await until('the gateway has closed its side', () => openFiles() <= before + waiting.length + 4);
    });
  });

  describe('cancel keys', () => {
    async function cancel(key: Buffer): Promise<void> {
      const client = await lab.connect(access);
      client.send(cancelRequest(key));
      assert.deepEqual(await client.rest(), []);
      client.destroy();
    }

    test('guesses, keys of sessions that are over, and a thousand at once stop nothing', async () => {
      const gone = await lab.through(access);
      const { cancelKey } = gone;
      gone.send(message('X'));
      await gone.rest();
      const own = await lab.access(database);
      const client: WireClient = await lab.through(own);
      client.send(query('select pg_sleep(0.5), 7'));
      const near = Buffer.from(client.cancelKey);
      near[7] = (near[7] ?? 0) ^ 1;
      await cancel(cancelKey);
      await cancel(near);
      await Promise.all(
        Array.from({ length: 100 }, async () => {
          for (let time = 0; time < 10; time++) await cancel(near);
        }),
      );
      assert.deepEqual(cellsOf((await client.until('Z')).find(({ type }) => type === 'D') as Reply)[1], '7');
    });
  });
});
