import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settingsOfUri } from './database-uri.ts';
import { normalized, offerOf, type Surroundings } from './offer.ts';

const URI = 'postgres://app:p%40ss@db.internal:6432/shop?sslmode=require';
const around = (more: Partial<Surroundings> = {}): Surroundings => ({
  databaseUri: undefined,
  environment: { PATH: '/bin' },
  cwd: '/srv',
  ...more,
});

test('a command is offered as a custom connection; the environment and the directory stay here', () => {
  const { declares, own } = offerOf(
    { name: 'shop', command: `rails console --sandbox 'a b'`, review: ['dba'], dataMasking: ['EMAIL_ADDRESS'] },
    around({ environment: { SECRET_KEY_BASE: 'x' } }),
  );
  const command = ['rails', 'console', '--sandbox', 'a b'];
  assert.deepEqual(declares, { name: 'shop', type: 'custom', subtype: '', command, reviewers: ['dba'], redact_types: ['EMAIL_ADDRESS'] });
  assert.deepEqual(own, { name: 'shop', settings: {}, command, environment: { SECRET_KEY_BASE: 'x' }, cwd: '/srv' });
});

test('a database is offered without its address and its password', () => {
  for (const offer of [
    offerOf({ name: 'db', postgres: URI }, around()),
    offerOf({ name: 'db', postgres: true }, around({ databaseUri: URI })),
    offerOf({ name: 'db' }, around({ databaseUri: URI })),
  ]) {
    assert.deepEqual(offer.declares, { name: 'db', type: 'database', subtype: 'postgres', command: [], reviewers: [], redact_types: [] });
    assert.deepEqual(offer.own.settings, { HOST: 'db.internal', PORT: '6432', USER: 'app', PASS: 'p@ss', DB: 'shop', SSLMODE: 'require' });
  }
});

test('without anything a shell is offered: the own one, else bash, else sh', () => {
  const shellOf = (environment: Record<string, string>): readonly string[] =>
    offerOf({ name: 'x' }, around({ environment })).declares.command;
  assert.deepEqual(shellOf({ SHELL: '/bin/sh', PATH: '/bin' }), ['/bin/sh']);
  assert.deepEqual(shellOf({ SHELL: '/nowhere/zsh', PATH: '/usr/bin:/bin' }), ['bash']);
  assert.deepEqual(shellOf({ PATH: '/nowhere' }), ['sh']);
});

test('every kind of URI becomes the settings of its kind', () => {
  assert.deepEqual(settingsOfUri('mysql', 'mysql://u:p@h/shop'), { HOST: 'h', USER: 'u', PASS: 'p', DB: 'shop' });
  assert.deepEqual(settingsOfUri('mssql', 'sqlserver://sa:p@h:1433?database=shop&trustservercertificate=true'), {
    HOST: 'h',
    PORT: '1433',
    USER: 'sa',
    PASS: 'p',
    DB: 'shop',
    INSECURE: 'true',
  });
  const mongo = 'mongodb+srv://u:p@cluster.test/?retryWrites=true';
  assert.deepEqual(settingsOfUri('mongodb', mongo), { CONNECTION_STRING: mongo });
  assert.equal(settingsOfUri('postgres', 'postgresql://u:p@[::1]:5432/d').HOST, '::1');
});

test('what cannot be meant is told, and no message shows a password', () => {
  for (const [options, message] of [
    [{ name: 'a b' }, /"a b" is no name for a connection/],
    [{ command: 'x', postgres: URI }, /Take one of/],
    [{ postgres: true }, /in HOOP_DB_URI/],
    [{ command: ' ' }, /--command is empty/],
    [{ command: `'` }, /--command cannot be read/],
    [{ postgres: 'mysql://u:hunter2@h/d' }, /is none of postgres/],
    [{ postgres: 'postgres:///d?host=/run/postgresql&password=hunter2' }, /sockets of the local kind/],
    [{ postgres: 'postgres://u:hunter2#x@h:1/d' }, /%23/],
    [{ postgres: 'postgres://h/d' }, /not complete: USER/],
    [{ postgres: 'redis://u:hunter2@h' }, /begins with none of postgres:/],
  ] as const) {
    assert.throws(
      () => offerOf(options, around()),
      (error: Error) => message.test(error.message) && !error.message.includes('hunter2'),
      JSON.stringify(options),
    );
  }
});

test("a machine's name becomes a connection's", () => {
  assert.equal(normalized('Müllers MacBook (2).local'), 'mullers-macbook-2-.local');
  assert.equal(normalized('--web-1'), 'web-1');
  assert.equal(normalized('…'), 'application');
  assert.equal(normalized('x'.repeat(300)).length, 128);
});
