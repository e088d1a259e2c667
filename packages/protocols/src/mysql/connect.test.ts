import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { AppError, type ErrorKind } from '@hoop/core/errors';
import { silentLog } from '@hoop/core/log';
import type { Hello, Target } from '@hoop/core/protocol';
import { testCertificate } from '@hoop/core/testing/certificate';
import { sessionFacts } from '@hoop/core/testing/session-facts';
import { connect } from './connect.ts';
import { MysqlSettings } from './settings.ts';
import { decrypted, expectedProof, FakeServer, FLAG, PUBLIC_KEY, type Speaker } from './testing/fake-server.ts';

const SALT = Buffer.from('abcdefghijklmnopqrst');
const OTHER_SALT = Buffer.from('ABCDEFGHIJKLMNOPQRST');
const PASSWORD = 'a secret of ß';
const FULL_AUTH = Buffer.from([1, 4]);

const servers: FakeServer[] = [];
after(() => {
  for (const each of servers) each.close();
});

async function fake(...behaviours: readonly ((speaker: Speaker) => unknown)[]): Promise<FakeServer> {
  const started = await FakeServer.start(...behaviours);
  servers.push(started);
  return started;
}

function login(to: FakeServer, more: Record<string, string> = {}, hello: Partial<Hello> = {}, timeout_ms?: number): Promise<Target> {
  const settings = MysqlSettings.parse({ HOST: '127.0.0.1', PORT: to.port, USER: 'app', PASS: PASSWORD, SSLMODE: 'disable', ...more });
  return connect(
    { settings, hello: { user: 'x', cancelKey: '0000000900000000', ...hello }, log: silentLog(), session: sessionFacts() },
    timeout_ms,
  );
}

function fault(kind: ErrorKind, words: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.kind, kind);
    assert.match(error.message, words);
    assert.equal(error.message.includes(PASSWORD), false);
    return true;
  };
}

/** Logs in against a behaviour, and leaves again. */
async function comesIn(behaviour: (speaker: Speaker) => unknown, more: Record<string, string> = {}): Promise<void> {
  let failed: unknown;
  const to = await fake(async (speaker) => {
    try {
      await behaviour(speaker);
    } catch (error) {
      failed = error;
      speaker.end();
    }
  });
  const target = await login(to, more).catch((error: unknown) => {
    throw failed ?? error;
  });
  target.wire.destroy();
}

describe('logging in to a MySQL target', () => {
  for (const plugin of ['mysql_native_password', 'caching_sha2_password']) {
    test(`proves that it knows the password by ${plugin}, at once and when it is asked to switch`, async () => {
      await comesIn(async (speaker) => {
        speaker.greet(SALT, plugin);
        const response = await speaker.response();
        assert.deepEqual([response.user, response.plugin], ['app', plugin]);
        assert.deepEqual(response.proof, expectedProof(plugin, PASSWORD, SALT));
        if (plugin === 'caching_sha2_password') speaker.say(Buffer.from([1, 3]));
        speaker.ok();
      });
      await comesIn(async (speaker) => {
        speaker.greet(SALT, 'sha256_password');
        await speaker.response();
        speaker.switchTo(plugin, OTHER_SALT);
        assert.deepEqual(await speaker.packet(), expectedProof(plugin, PASSWORD, OTHER_SALT));
        speaker.ok();
      });
    });
  }

  test('shows a server that has it not in its cache the password, under its public key', async () => {
    await comesIn(async (speaker) => {
      speaker.greet(SALT, 'caching_sha2_password');
      await speaker.response();
      speaker.say(FULL_AUTH);
      assert.deepEqual(await speaker.packet(), Buffer.from([2]));
      speaker.say(Buffer.from([1]), PUBLIC_KEY);
      assert.equal(decrypted(await speaker.packet(), SALT), PASSWORD);
      assert.equal(speaker.heard.includes(PASSWORD), false);
      speaker.ok();
    });
  });

  test('shows it in the stream itself where that is encrypted', async () => {
    for (const plugin of ['caching_sha2_password', 'sha256_password', 'mysql_clear_password']) {
      await comesIn(
        async (speaker) => {
          speaker.greet(SALT, 'caching_sha2_password', FLAG.usual | FLAG.tls);
          await speaker.encrypt(testCertificate());
          assert.ok((await speaker.response()).flags & FLAG.tls);
          if (plugin === 'caching_sha2_password') speaker.say(FULL_AUTH);
          else speaker.switchTo(plugin, OTHER_SALT);
          assert.equal((await speaker.packet()).toString(), `${PASSWORD}\0`);
          speaker.ok();
        },
        { SSLMODE: 'require' },
      );
    }
  });

  test('does the same for sha256_password, which asks for the key with another byte', async () => {
    await comesIn(async (speaker) => {
      speaker.greet(SALT);
      await speaker.response();
      speaker.switchTo('sha256_password', OTHER_SALT);
      assert.deepEqual(await speaker.packet(), Buffer.from([1]));
      speaker.say(Buffer.from([1]), PUBLIC_KEY);
      assert.equal(decrypted(await speaker.packet(), OTHER_SALT), PASSWORD);
      speaker.ok();
    });
  });

  test('A12: sends the connection’s user and database, what the client took of what it was offered, and no query of its own', async () => {
    const to = await fake(async (speaker) => {
      speaker.greet(SALT);
      await speaker.response();
      speaker.ok();
    });
    const options = {
      capabilities: String(0xffffffff),
      charset: '255',
      attributes: Buffer.from('\x01a\x01b').toString('base64'),
      sequence: '5',
    };
    const target = await login(to, { DB: 'shop' }, { user: 'client user', options });
    const [speaker] = to.speakers;
    const sent = speaker?.heard ?? Buffer.alloc(0);
    assert.ok(sent.includes('app\0') && sent.includes('shop\0') && sent.includes('\x01a\x01b'));
    assert.equal(sent.includes('client user'), false);
    // No compression, no TLS, nothing that changes the form of an answer.
    assert.equal(sent.readUInt32LE(4) & (0x20 | 0x800 | 0x800000 | 0x1000000 | 0x8000000), 0);
    assert.equal(sent[12], 255);
    assert.equal(sent.length, 4 + sent.readUIntLE(0, 3));
    assert.deepEqual(target.greeting, Buffer.from([7, 0, 0, 5, 0, 0, 0, 2, 0, 0, 0]));
    target.wire.destroy();
  });

  test('a database that the client asks for goes before the connection’s own', async () => {
    await assert.doesNotReject(async () => {
      const to = await fake(async (speaker) => {
        speaker.greet(SALT);
        assert.equal((await speaker.response()).database, 'other');
        speaker.ok();
      });
      (await login(to, { DB: 'shop' }, { database: 'other' })).wire.destroy();
    });
  });

  test('a cancel is a session of its own, which names the target’s own number', async () => {
    const welcome = async (speaker: Speaker): Promise<void> => {
      speaker.greet(SALT);
      await speaker.response();
      speaker.ok();
    };
    const killed = Promise.withResolvers<string>();
    const to = await fake(welcome, async (speaker) => {
      await welcome(speaker);
      killed.resolve((await speaker.packet()).toString());
      speaker.ok();
    });
    const target = await login(to);
    await target.cancel();
    assert.equal(await killed.promise, '\x03KILL QUERY 7');
    target.wire.destroy();
  });
});

describe('a MySQL target that does not do what it should', () => {
  const greeted = (then: (speaker: Speaker) => unknown) => async (speaker: Speaker) => {
    speaker.greet(SALT);
    await speaker.response();
    await then(speaker);
  };
  const cases: readonly [what: string, behaviour: (speaker: Speaker) => unknown, kind: ErrorKind, words: RegExp][] = [
    ['leaves at once', (speaker) => speaker.end(), 'target', /closed in the middle of a packet/],
    ['says a length of 16 MiB', (speaker) => speaker.raw(Buffer.from([255, 255, 255, 0])), 'target', /claims a length of 16777215/],
    ['speaks an older handshake', (speaker) => speaker.say(Buffer.from([9]), '3.22\0'), 'target', /version 9 of the handshake/],
    ['is cut in its greeting', (speaker) => speaker.say(Buffer.from([10]), '8.0\0', Buffer.alloc(3)), 'target', /less in it than it says/],
    ['has no login of protocol 4.1', (speaker) => speaker.greet(SALT, 'x', 1), 'target', /too old/],
    ['is full', (speaker) => speaker.error(1040, 'Too many connections'), 'target', /refuses the session: Too many connections/],
    [
      'refuses the password',
      greeted((speaker) => speaker.error(1045, '#28000Access denied')),
      'target',
      /an administrator must correct USER and PASS/,
    ],
    ['has no such database', greeted((speaker) => speaker.error(1049, "#42000Unknown database 'x'")), 'target', /Unknown database 'x'/],
    [
      'A07: asks for the password in clear text without TLS',
      greeted((speaker) => speaker.switchTo('mysql_clear_password', SALT)),
      'misconfigured',
      /set SSLMODE=require/,
    ],
    [
      'A07: asks for PAM',
      greeted((speaker) => speaker.switchTo('dialog', SALT)),
      'misconfigured',
      /login method dialog, which is not spoken here/,
    ],
    [
      'A07: asks for ed25519 with too little to sign',
      greeted((speaker) => speaker.switchTo('client_ed25519', SALT)),
      'misconfigured',
      /client_ed25519/,
    ],
    ['A07: asks for the login of MySQL 3', greeted((speaker) => speaker.say(Buffer.from([0xfe]))), 'misconfigured', /mysql_old_password/],
    [
      'A07: asks for a login method with an escape sequence in its name',
      greeted((speaker) => speaker.switchTo('\u001b[2J', SALT)),
      'misconfigured',
      /login method unknown/,
    ],
    [
      'A07: gives a key that is none',
      greeted((speaker) => {
        speaker.switchTo('sha256_password', SALT);
        speaker.say(Buffer.from([1]), 'no key');
      }),
      'target',
      /a public key that cannot be used/,
    ],
    ['A07: gives a key that nobody asked for', greeted((speaker) => speaker.say(Buffer.from([1]), PUBLIC_KEY)), 'target', /does not say/],
    ['asks for a file in its login', greeted((speaker) => speaker.say(Buffer.from([0xfb]), '/etc/passwd')), 'target', /does not say/],
    [
      'talks and talks',
      greeted((speaker) => {
        for (let time = 0; time < 21; time++) speaker.switchTo('mysql_native_password', SALT);
      }),
      'target',
      /does not come to the end of its login/,
    ],
  ];
  for (const [what, behaviour, kind, words] of cases) {
    test(`${what}: that is told, and its connection closed`, async () => {
      const to = await fake(behaviour);
      await assert.rejects(login(to), fault(kind, words));
      while (to.openConnections > 0) await new Promise((resolve) => setImmediate(resolve));
    });
  }

  for (const SSLMODE of ['require', 'verify-ca', 'verify-full']) {
    test(`A06: has no TLS: with ${SSLMODE} not even the user’s name is sent`, async () => {
      const to = await fake((speaker) => speaker.greet(SALT));
      await assert.rejects(login(to, { SSLMODE }), fault('misconfigured', /offers no TLS, and SSLMODE is/));
      assert.equal(to.speakers[0]?.heard.length, 0);
    });
  }

  test('A06: says something behind its greeting, which would be taken for its own words under TLS', async () => {
    const to = await fake((speaker) => {
      speaker.greet(SALT, 'caching_sha2_password', FLAG.usual | FLAG.tls);
      speaker.ok();
    });
    await assert.rejects(login(to, { SSLMODE: 'require' }), (error) => error instanceof AppError && error.kind !== 'bug');
    assert.equal(to.speakers[0]?.heard.includes('app'), false);
  });

  test('A06: has a certificate that nobody vouches for: with verify-full the password stays here', async () => {
    const to = await fake(async (speaker) => {
      speaker.greet(SALT, 'caching_sha2_password', FLAG.usual | FLAG.tls);
      await speaker.encrypt(testCertificate());
    });
    await assert.rejects(login(to, { SSLMODE: 'verify-full' }), fault('misconfigured', /TLS with the target .* failed/));
    assert.equal(to.speakers[0]?.heard.includes('app\0'), false);
  });

  test('takes the connection and says nothing: it is given up in time', async () => {
    const to = await fake(() => undefined);
    await assert.rejects(login(to, {}, {}, 100), fault('target', /takes connections and does not answer in time/));
    while (to.openConnections > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  test('names with a zero byte in them, which would become something else, are refused', async () => {
    const to = await fake((speaker) => speaker.greet(SALT));
    await assert.rejects(login(to, {}, { database: 'x\0mysql_clear_password' }), fault('target', /holds a zero byte/));
  });
});
