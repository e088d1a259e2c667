import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { asAppError } from '@hoop/core/errors';
import { silentLog } from '@hoop/core/log';
import pg from 'pg';
import { openStore, type Store } from './store.ts';
import { type ChildReport, orderOf } from './testing/child-store.ts';
import { type DatabaseUnderTest, databases, type Place } from './testing/databases.ts';
import { code, onEachDatabase } from './testing/suite.ts';

const SECRET = 'Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ==';

function startChild(place: Place, task: 'hold' | 'write'): ChildProcess {
  const file = fileURLToPath(new URL('./testing/child-store.ts', import.meta.url));
  return fork(file, [JSON.stringify(orderOf(place, task))], { execArgv: ['--conditions=hoop:source'] });
}

async function killed(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

async function report(child: ChildProcess): Promise<ChildReport> {
  const [message] = (await once(child, 'message')) as [ChildReport];
  return message;
}

async function putSecrets(store: Store): Promise<string> {
  const { id } = await store.connections.create({
    name: 'pg',
    type: 'database',
    subtype: 'postgres',
    agentId: 'a',
    secrets: { 'envvar:PASS': SECRET },
  });
  await store.settings.set('signing', SECRET, { secret: true });
  return id;
}

/** Every byte that the database keeps, as text. */
async function everyByte(place: Place): Promise<string> {
  if (place.postgresUri === undefined) {
    return readdirSync(place.home)
      .map((name) => readFileSync(join(place.home, name), 'latin1'))
      .join('\n');
  }
  const client = new pg.Client({ connectionString: place.postgresUri });
  await client.connect();
  const tables = await client.query<{ name: string }>(`select tablename as name from pg_tables where schemaname = 'public'`);
  const texts: string[] = [];
  for (const { name } of tables.rows) texts.push(JSON.stringify((await client.query(`select * from "${name}"`)).rows));
  await client.end();
  return texts.join('\n');
}

onEachDatabase('a store', (database) => {
  it('finds everything again when it is opened again, and migrates nothing then', async () => {
    const place = await database.place();
    const first = await database.store(place);
    const user = await first.users.create({ email: 'ada@example.org', name: 'Ada', groups: ['admin'], status: 'active' });
    const id = await putSecrets(first);
    await first.close();
    const second = await database.store(place);
    assert.deepEqual(await second.users.list(), [user]);
    assert.deepEqual(await second.connections.secretsOf(id), { 'envvar:PASS': SECRET });
    assert.equal(await second.settings.get('signing'), SECRET);
  });

  it('never has a secret in plain in what it writes', async () => {
    const place = await database.place();
    const store = await database.store(place);
    const id = await putSecrets(store);
    await store.connections.update(id, { mergeSecrets: { 'envvar:PASS': `${SECRET}2` } });
    const bytes = await everyByte(place);
    assert.ok(bytes.includes('envvar:PASS'), 'this is where it would be');
    for (const plain of [SECRET, atob(SECRET), Buffer.from(SECRET).toString('hex')]) assert.ok(!bytes.includes(plain), plain);
    await store.close();
    assert.ok(!(await everyByte(place)).includes(SECRET));
  });

  it('rotates the key: the old one opens what it sealed, and is superfluous after sealing again', async () => {
    const place = await database.place();
    const first = await database.store(place);
    const id = await putSecrets(first);
    const more = Array.from({ length: 120 }, (_, index) => first.settings.set(`s${index}`, SECRET, { secret: true }));
    await Promise.all(more);
    await first.close();

    const rotated = { ...place, encryptionKey: randomBytes(32) };
    await assert.rejects(database.store(rotated), code('encryption_key_unknown'));
    const second = await database.store({ ...rotated, oldEncryptionKeys: [place.encryptionKey] });
    assert.deepEqual(await second.connections.secretsOf(id), { 'envvar:PASS': SECRET });
    // The connection, 121 settings, and the one that tells whether the key is right.
    assert.equal(await second.reseal(), 123);
    assert.equal(await second.reseal(), 0);
    await second.close();

    const third = await database.store(rotated);
    assert.deepEqual(await third.connections.secretsOf(id), { 'envvar:PASS': SECRET });
    assert.equal(await third.settings.get('s119'), SECRET);
    await third.close();
    await assert.rejects(database.store(place), code('encryption_key_unknown'));
  });

  it('refuses a key that is not 32 bytes, before it touches anything', async () => {
    const place = await database.place();
    await assert.rejects(database.store({ ...place, encryptionKey: randomBytes(16) }), code('encryption_key_invalid'));
    assert.deepEqual(readdirSync(place.home), []);
  });

  it('refuses a secret that was copied to another connection', async () => {
    const place = await database.place();
    const store = await database.store(place);
    const id = await putSecrets(store);
    const other = await store.connections.create({ name: 'x', type: 'custom', subtype: '', agentId: 'a', secrets: { 'envvar:A': 'YQ==' } });
    await store.close();
    await sqlIn(
      place,
      `update connection_secrets set sealed = (select sealed from connection_secrets where connection_id = '${id}') where connection_id = '${other.id}'`,
    );
    const again = await database.store(place);
    await assert.rejects(again.connections.secretsOf(other.id), code('secret_box_tampered'));
  });

  it('runs several steps as one: all are stored, or none', async () => {
    const store = await database.store();
    const group = store.transaction(async (tx) => {
      await tx.users.createGroup('a');
      await tx.users.create({ email: 'a@example.org', name: '', groups: ['a', 'b'], status: 'active' });
      await tx.guardrails.create({ name: 'g' });
      return tx.users.listGroups();
    });
    assert.deepEqual(await group, ['a', 'b']);
    const half = store.transaction(async (tx) => {
      await tx.users.createGroup('c');
      await tx.users.createGroup('a');
    });
    await assert.rejects(half, code('group_exists'));
    assert.deepEqual(await store.users.listGroups(), ['a', 'b']);
  });

  it('says that it is closed, and closes twice without harm', async () => {
    const store = await database.store();
    await Promise.all([store.close(), store.close()]);
    await assert.rejects(store.users.list());
    await assert.rejects(store.sessions.list());
    await store.close();
  });

  it('waits for running statements when it is closed', async () => {
    const place = await database.place();
    const store = await database.store(place);
    const running = Array.from({ length: 10 }, (_, index) => store.users.createGroup(`g${index}`));
    await Promise.all([...running, store.close()].map((work) => work.catch(() => undefined)));
    const again = await database.store(place);
    const stored = await again.users.listGroups();
    const done = (await Promise.allSettled(running)).filter((result) => result.status === 'fulfilled').length;
    assert.equal(stored.length, done);
  });

  it('loses no acknowledged fact when the process is killed, and comes back whole', async () => {
    const place = await database.place();
    const acknowledged = new Set<string>();
    for (let round = 0; round < 8; round++) {
      const child = startChild(place, 'write');
      const enough = 5 + round * 25;
      await new Promise<void>((resolve, reject) => {
        let count = 0;
        child.on('message', (message: ChildReport) => {
          if ('failed' in message) reject(new Error(message.failed));
          if ('stored' in message) acknowledged.add(message.stored);
          if (++count === enough) resolve();
        });
      });
      await killed(child);
    }
    const store = await database.store(place);
    for (const id of acknowledged) assert.ok(await store.sessions.get(id), id);
    // What was stored together is there together, acknowledged or not.
    const swept = await store.sessions.sweep('g1');
    const messages = await everything(store);
    assert.ok(acknowledged.size > 500);
    assert.deepEqual([...swept].sort(), messages.sort());
    for (const id of swept) assert.equal(await store.sessions.scriptOf(id), 'select 1');
  });
});

async function everything(store: Store): Promise<string[]> {
  const found: string[] = [];
  for (let batch = await store.outbox.claim(1000); batch.length > 0; batch = await store.outbox.claim(1000)) {
    found.push(...batch.map((message) => String(message.payload)));
  }
  return found;
}

async function sqlIn(place: Place, statement: string): Promise<void> {
  if (place.postgresUri === undefined) {
    const db = new DatabaseSync(join(place.home, 'store.db'));
    db.exec(statement);
    db.close();
    return;
  }
  const client = new pg.Client({ connectionString: place.postgresUri });
  await client.connect();
  await client.query(statement);
  await client.end();
}

function databaseNamed(name: DatabaseUnderTest['name']): DatabaseUnderTest {
  const found = databases().find((database) => database.name === name);
  assert.ok(found);
  return found;
}

describe('a store in a directory', () => {
  const sqlite = databaseNamed('SQLite');
  after(() => sqlite.stop());

  it('is refused to a second process, which is told who has it and what to do, and free after kill -9', async () => {
    const place = await sqlite.place();
    const child = startChild(place, 'hold');
    assert.deepEqual(await report(child), { opened: true });
    await assert.rejects(sqlite.store(place), (error) => {
      const { kind, message } = asAppError(error);
      assert.equal(kind, 'misconfigured');
      assert.ok(message.includes(place.home) && message.includes(`process ${child.pid}`) && message.includes('HOOP_HOME'), message);
      return code('store_in_use')(error);
    });
    await killed(child);
    const store = await sqlite.store(place);
    assert.equal(await store.users.count(), 0);
  });

  it('is refused to a second process that comes while this one has it, and stays ours', async () => {
    const place = await sqlite.place();
    const store = await sqlite.store(place);
    const child = startChild(place, 'hold');
    const refused = await report(child);
    assert.ok('failed' in refused && refused.failed.includes(`process ${process.pid}`), JSON.stringify(refused));
    child.disconnect();
    await store.users.createGroup('still here');
    const second = startChild(place, 'hold');
    assert.ok('failed' in (await report(second)));
    second.disconnect();
  });

  it('is refused a second time to the same process, and free when closed', async () => {
    const place = await sqlite.place();
    const store = await sqlite.store(place);
    await assert.rejects(sqlite.store(place), code('store_in_use'));
    // The refused attempt must not have dropped our lock: POSIX forgets it when any descriptor of the file is closed.
    const child = startChild(place, 'hold');
    assert.ok('failed' in (await report(child)));
    child.disconnect();
    await store.close();
    await (await sqlite.store(place)).close();
  });

  it('can be read by its owner only', async () => {
    const { home, encryptionKey } = await sqlite.place();
    const inside = join(home, 'new', 'deep');
    const store = await openStore({ home: inside, encryptionKey, log: silentLog() });
    await store.users.createGroup('x');
    assert.equal(statSync(inside).mode & 0o777, 0o700);
    for (const name of readdirSync(inside)) assert.equal(statSync(join(inside, name)).mode & 0o077, 0, name);
    assert.ok(readdirSync(inside).includes('store.db-wal'));
    await store.close();
  });

  it('says what to do when the directory cannot be used', async () => {
    const { home, encryptionKey } = await sqlite.place();
    writeFileSync(join(home, 'file'), '');
    const opening = openStore({ home: join(home, 'file'), encryptionKey, log: silentLog() });
    await assert.rejects(opening, code('store_directory'));
  });

  it('says that its file is damaged, and leaves it as it is', async () => {
    const place = await sqlite.place();
    const garbage = randomBytes(8192);
    writeFileSync(join(place.home, 'store.db'), garbage);
    await assert.rejects(sqlite.store(place), code('store_corrupt'));
    assert.deepEqual(readFileSync(join(place.home, 'store.db')), garbage);
  });

  it('is durable with every commit: write-ahead log, synced in full', async () => {
    const place = await sqlite.place();
    const store = await sqlite.store(place);
    const before = statSync(join(place.home, 'store.db-wal')).size;
    await store.users.createGroup('x');
    assert.ok(statSync(join(place.home, 'store.db-wal')).size > before);
    await store.close();
    const db = new DatabaseSync(join(place.home, 'store.db'));
    assert.deepEqual({ ...db.prepare('pragma journal_mode').get() }, { journal_mode: 'wal' });
    assert.deepEqual({ ...db.prepare('pragma integrity_check').get() }, { integrity_check: 'ok' });
    db.close();
  });
});

describe('a store on a server', () => {
  const postgres = databaseNamed('PostgreSQL');
  after(() => postgres.stop());

  it('is shared by gateways that start at the same time: one migrates, the others wait', async () => {
    const place = await postgres.place();
    const homes = Array.from({ length: 6 }, () => postgres.neighbour(place) ?? place);
    const stores = await Promise.all(homes.map((home) => postgres.store(home)));
    await Promise.all(stores.map((store, index) => store.users.createGroup(`g${index}`)));
    for (const store of stores) assert.equal((await store.users.listGroups()).length, 6);
  });

  it('goes on with new connections after the server cut the old ones', async () => {
    const place = await postgres.place();
    const store = await postgres.store(place);
    await Promise.all(Array.from({ length: 5 }, (_, index) => store.users.createGroup(`g${index}`)));
    const client = new pg.Client({ connectionString: place.postgresUri });
    await client.connect();
    await client.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    await client.end();
    // A statement may still meet a dying connection: then it says so, in the store's words, and the next one works.
    for (let tries = 0; ; tries++) {
      const groups = await store.users.listGroups().catch(code('store_unavailable'));
      if (Array.isArray(groups)) {
        assert.equal(groups.length, 5);
        break;
      }
      assert.ok(tries < 20);
    }
  });

  it('survives that the server cuts a connection in the middle of a transaction, which is not stored then', async () => {
    const place = await postgres.place();
    const store = await postgres.store(place);
    const client = new pg.Client({ connectionString: place.postgresUri });
    await client.connect();
    const others = 'from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()';
    const cut = store.transaction(async (tx) => {
      await tx.users.createGroup('never');
      await client.query(`select pg_terminate_backend(pid) ${others}`);
      // The server's goodbye arrives while nothing is asked on that connection: nobody waits for an error there.
      while ((await client.query(`select 1 ${others}`)).rows.length > 0);
      await setImmediate();
      await tx.users.createGroup('either');
    });
    await assert.rejects(cut, code('store_unavailable'));
    await client.end();
    assert.deepEqual(await store.users.listGroups(), []);
  });

  it('says that the server cannot be reached, without its address or password', async () => {
    const { home, encryptionKey } = await postgres.place();
    const postgresUri = 'postgres://hoop:pa55word@127.0.0.1:1/hoop';
    await assert.rejects(openStore({ home, encryptionKey, postgresUri, log: silentLog() }), (error) => {
      assert.ok(!asAppError(error).message.includes('pa55word'));
      return code('store_unavailable')(error);
    });
    const again = await openStore({ home, encryptionKey, log: silentLog() });
    await again.close();
  });

  it('keeps its lease on the directory too: two gateways share the server, not the directory', async () => {
    const place = await postgres.place();
    await postgres.store(place);
    await assert.rejects(postgres.store(place), code('store_in_use'));
  });
});
