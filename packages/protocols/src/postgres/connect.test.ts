import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { AppError, type ErrorKind } from '@hoop/core/errors';
import { silentLog } from '@hoop/core/log';
import type { Hello, Target } from '@hoop/core/protocol';
import { sessionFacts } from '@hoop/core/testing/session-facts';
import { connect } from './connect.ts';
import { PostgresSettings } from './settings.ts';
import { int32, message, server, text } from './testing/messages.ts';
import { ScriptedServer, type Speaker } from './testing/scripted-server.ts';

const servers: ScriptedServer[] = [];
after(() => {
  for (const each of servers) each.close();
});

async function scripted(...behaviours: readonly ((speaker: Speaker) => unknown)[]): Promise<ScriptedServer> {
  const started = await ScriptedServer.start(...behaviours);
  servers.push(started);
  return started;
}

function login(to: ScriptedServer, more: Record<string, string> = {}, hello: Partial<Hello> = {}, timeout_ms?: number): Promise<Target> {
  const settings = PostgresSettings.parse({ HOST: '127.0.0.1', PORT: to.port, USER: 'app', PASS: 'secret', SSLMODE: 'disable', ...more });
  return connect(
    { settings, hello: { user: 'x', cancelKey: '00000001aabbccdd', ...hello }, log: silentLog(), session: sessionFacts() },
    timeout_ms,
  );
}

function fault(kind: ErrorKind, words: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.kind, kind);
    assert.match(error.message, words);
    assert.equal(error.message.includes('secret'), false);
    return true;
  };
}

const welcome = [server.authentication(0), server.parameter('server_version', '9.6'), server.key(), server.ready()];

/** A server that trusts everybody. */
const trusting = async (speaker: Speaker): Promise<void> => {
  await speaker.startup();
  speaker.say(...welcome);
};

describe('logging in to a target', () => {
  test('sends the connection’s user and database and the client’s settings, and nothing of the client’s own identity', async () => {
    const to = await scripted(trusting);
    const target = await login(to, { DB: 'shop' }, { user: 'client user', options: { application_name: 'tool', search_path: 'x' } });
    const sent = to.heard[0]?.toString('latin1') ?? '';
    assert.ok(sent.includes('user\0app\0') && sent.includes('database\0shop\0') && sent.includes('application_name\0tool\0'));
    assert.equal(sent.includes('client user'), false);
    target.wire.destroy();
  });

  test('a database that the client asks for goes before the connection’s own', async () => {
    const to = await scripted(trusting);
    (await login(to, { DB: 'shop' }, { database: 'other' })).wire.destroy();
    assert.ok(to.heard[0]?.includes('database\0other\0'));
  });

  test('a setting with a zero byte in it, which would become another setting, is refused', async () => {
    const to = await scripted(trusting);
    await assert.rejects(login(to, {}, { options: { application_name: 'x\0user\0postgres' } }), fault('target', /holds a zero byte/));
  });

  test('the client is told the server’s settings and a key of the gateway’s own', async () => {
    const target = await login(await scripted(trusting));
    assert.deepEqual(
      target.greeting,
      Buffer.concat([
        server.authentication(0),
        server.parameter('server_version', '9.6'),
        server.key(Buffer.from('00000001aabbccdd', 'hex')),
        server.ready(),
      ]),
    );
    target.wire.destroy();
  });

  test('answers in clear text and in md5 where an old server asks for them', async () => {
    const asking =
      (method: number, ...more: Buffer[]) =>
      async (speaker: Speaker) => {
        await speaker.startup();
        speaker.say(server.authentication(method, ...more));
        await speaker.message();
        speaker.say(...welcome);
      };
    const plain = await scripted(asking(3));
    (await login(plain)).wire.destroy();
    assert.ok(plain.heard[0]?.includes(message('p', text('secret'))));
    const md5 = await scripted(asking(5, Buffer.from('salt')));
    (await login(md5)).wire.destroy();
    // md5(md5('secretapp') + 'salt'), worked out with another program
    assert.ok(md5.heard[0]?.includes(message('p', text('md57f097e06031b34893c20e25a0e68242c'))));
  });
});

describe('a target that does not do what it should', () => {
  const cases: readonly [what: string, behaviour: (speaker: Speaker) => unknown, kind: ErrorKind, words: RegExp][] = [
    ['leaves at once', (speaker) => speaker.socket.end(), 'target', /closed in the middle of a message/],
    ['leaves with half a message', (speaker) => speaker.socket.end(server.ready().subarray(0, 3)), 'target', /closed in the middle/],
    ['says a length that cannot be', (speaker) => speaker.say(Buffer.from('R'), int32(3)), 'target', /claims a length of 3/],
    ['says a length of a gigabyte', (speaker) => speaker.say(Buffer.from('R'), int32(2 ** 30)), 'target', /claims a length/],
    ['says something that no server says', (speaker) => speaker.say(message('D', Buffer.alloc(2))), 'target', /does not say/],
    [
      'asks for Kerberos',
      (speaker) => speaker.say(server.authentication(7)),
      'misconfigured',
      /login method 7, which is not spoken here; use SCRAM/,
    ],
    [
      'goes on with a SCRAM that was never begun',
      (speaker) => speaker.say(server.authentication(11, Buffer.from('r=x'))),
      'misconfigured',
      /login method 11/,
    ],
    [
      'ends a SCRAM that was never begun',
      (speaker) => speaker.say(server.authentication(12, Buffer.from('v='))),
      'misconfigured',
      /login method 12/,
    ],
    [
      'offers no SCRAM that is spoken here',
      (speaker) => speaker.say(server.authentication(10, text('SCRAM-SHA-1'), Buffer.alloc(1))),
      'target',
      /no login method/,
    ],
    ['offers SCRAM without an end', (speaker) => speaker.say(server.authentication(10, Buffer.from('SCRAM'))), 'target', /A message has/],
    [
      'lets us in without proving that it knows the password',
      async (speaker) => {
        await speaker.startup();
        speaker.say(server.authentication(10, text('SCRAM-SHA-256'), Buffer.alloc(1)));
        await speaker.message();
        speaker.say(...welcome);
      },
      'target',
      /without proving itself/,
    ],
    [
      'answers SCRAM with a nonce of its own',
      async (speaker) => {
        await speaker.startup();
        speaker.say(server.authentication(10, text('SCRAM-SHA-256'), Buffer.alloc(1)));
        await speaker.message();
        speaker.say(server.authentication(11, Buffer.from('r=evil,s=c2FsdA==,i=4096')));
      },
      'target',
      /a nonce that is not ours/,
    ],
    [
      'talks and talks',
      (speaker) => speaker.say(...Array.from({ length: 1_001 }, () => server.parameter('a', 'b'))),
      'target',
      /does not come to the end of its login/,
    ],
    [
      'refuses the password',
      (speaker) => speaker.say(server.error('28P01', 'password authentication failed', 'FATAL')),
      'target',
      /an administrator must correct USER and PASS/,
    ],
    [
      'is full',
      (speaker) => speaker.say(server.error('53300', 'too many clients already', 'FATAL')),
      'target',
      /refuses the session: too many clients/,
    ],
    ['says an error that cannot be read', (speaker) => speaker.say(message('E', Buffer.from('no end'))), 'target', /A message has/],
  ];
  for (const [what, behaviour, kind, words] of cases) {
    test(`${what}: that is told, and its connection closed`, async () => {
      const to = await scripted(behaviour);
      await assert.rejects(login(to), fault(kind, words));
      while (to.openConnections > 0) await new Promise((resolve) => setImmediate(resolve));
    });
  }

  test('takes the connection and says nothing: it is given up in time, whatever the encryption', async () => {
    for (const SSLMODE of ['disable', 'prefer', 'require']) {
      const to = await scripted(() => undefined);
      await assert.rejects(login(to, { SSLMODE }, {}, 100), fault('target', /takes connections and does not answer in time/));
      while (to.openConnections > 0) await new Promise((resolve) => setImmediate(resolve));
    }
  });

  test('says yes to TLS and then nothing: it is given up in time', async () => {
    const to = await scripted((speaker) => speaker.say(Buffer.from('S')));
    await assert.rejects(login(to, { SSLMODE: 'require' }, {}, 100), fault('target', /does not answer in time/));
  });

  test('says yes to TLS and talks nonsense: that is told', async () => {
    const to = await scripted(async (speaker) => {
      await speaker.startup();
      speaker.socket.once('data', () => speaker.say(Buffer.from('this is no TLS, whatever it is\n')));
      speaker.say(Buffer.from('S'));
    });
    await assert.rejects(login(to, { SSLMODE: 'require' }), fault('misconfigured', /TLS with the target .* failed/));
  });

  test('is to be checked against an authority that is no certificate, or no file with one: that is told', async () => {
    for (const SSLROOTCERT of ['/nowhere/ca.pem', '/dev/zero', '/etc/passwd', 'not a certificate']) {
      const to = await scripted((speaker) => speaker.say(Buffer.from('S')));
      await assert.rejects(login(to, { SSLMODE: 'verify-full', SSLROOTCERT }), fault('misconfigured', /SSLROOTCERT is neither/));
    }
  });

  for (const SSLMODE of ['require', 'verify-ca', 'verify-full'] as const) {
    test(`has no TLS: with ${SSLMODE} not even the user’s name is sent`, async () => {
      const to = await scripted(async (speaker) => {
        await speaker.startup();
        speaker.say(Buffer.from('N'));
      });
      await assert.rejects(login(to, { SSLMODE }), fault('misconfigured', /offers no TLS, and SSLMODE is/));
      assert.equal(to.heard[0]?.length, 8);
    });
  }

  test('has no TLS: with prefer the login goes on without', async () => {
    const to = await scripted(async (speaker) => {
      await speaker.startup();
      speaker.say(Buffer.from('N'));
      await trusting(speaker);
    });
    (await login(to, { SSLMODE: 'prefer' })).wire.destroy();
  });

  test('puts bytes in front of the encryption, as somebody in between would: the login ends', async () => {
    const to = await scripted((speaker) => speaker.say(Buffer.from('S'), server.authentication(0)));
    await assert.rejects(login(to, { SSLMODE: 'prefer' }), fault('misconfigured', /offers no TLS/));
    const plain = await scripted((speaker) => speaker.say(Buffer.from('N'), server.authentication(0)));
    await assert.rejects(login(plain, { SSLMODE: 'prefer' }), fault('misconfigured', /offers no TLS/));
  });
});

describe('cancelling at a target', () => {
  test('goes over a connection of its own, with the server’s own key', async () => {
    const to = await scripted(trusting, async (speaker) => {
      await speaker.startup();
      speaker.socket.end();
    });
    const target = await login(to);
    await target.cancel();
    assert.deepEqual(to.heard[1], Buffer.concat([int32(16), int32(80877102), Buffer.from('0000002a11223344', 'hex')]));
    target.wire.destroy();
  });

  test('a target that gave no key cannot be asked, and is not', async () => {
    const to = await scripted(async (speaker) => {
      await speaker.startup();
      speaker.say(server.authentication(0), server.ready());
    });
    const target = await login(to);
    await target.cancel();
    assert.equal(to.connections, 1);
    target.wire.destroy();
  });
});
