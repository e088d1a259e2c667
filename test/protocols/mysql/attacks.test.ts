import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { runProgram } from '../../support/program.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { within } from '../../support/until.ts';
import { mariadbArgs } from './drivers/command-line.ts';
import { Lab } from './lab.ts';
import {
  binlogDump,
  changeUser,
  execute,
  fetch,
  int32,
  isEof,
  isError,
  longData,
  packet,
  ping,
  processKill,
  query,
  registerReplica,
  text,
  wordsOf,
} from './wire-client.ts';

const BLOCKED = /^1142 \(42501\): Blocked by the following Guardrails rule/;

describe('attacks over MySQL’s protocol', () => {
  let lab: Lab;
  let database: string;
  before(async () => {
    lab = await Lab.start('memory');
    database = await lab.mariadb.database();
    await lab.mariadb.sql('create table t (a varchar(2000))', database);
  });
  after(() => lab.close());
  afterEach(() => lab.tidyUp());

  const rowsOfT = async (): Promise<number> => Number((await lab.mariadb.sql('select count(*) as n from t', database))[0]?.n);

  for (const [how, hidden] of [
    ['behind another statement', "select 1; insert into t values ('x')"],
    ['in a comment for some servers', "/*!50000 INSERT*/ /*! INTO */ t values ('x')"],
    ['in a comment for MariaDB', "/*M!100000 insert */ into t values ('x')"],
    ['behind a hash with a quote', "insert # it's\n into t values ('x')"],
    ['behind two dashes and a tabulator', "insert --\tx'\ninto t values ('x')"],
    ['behind an escaped quote', "select '\\''; insert/**/into t values ('x')"],
    [
      'behind a quote that a session does not escape',
      "set sql_mode = 'NO_BACKSLASH_ESCAPES'; select '\\'; insert/**/into t values ('x'); -- '",
    ],
  ] as const) {
    test(`A01: a denied statement ${how} is denied, and nothing of its text runs`, async () => {
      const before = await rowsOfT();
      const client = await lab.through(await lab.access(database, { deny: ['insert into'] }));
      assert.match((await client.ask(hidden)).error ?? 'not denied', BLOCKED);
      assert.deepEqual(await client.ask("select 'on'"), { rows: ['on'] });
      assert.equal(await rowsOfT(), before);
    });
  }

  test('A02: what was prepared before a rule was made is denied when it runs', async () => {
    const access = await lab.access(database);
    const client = await lab.through(access);
    const statement = await client.prepared("select 'late' from dual");
    client.send(execute(statement));
    assert.deepEqual((await client.reply()).body, Buffer.from([1]));
    while (!isEof(await client.reply()));
    while (!isEof(await client.reply()));
    await lab.system.office.deny(access.connectionId, ['late']);
    client.send(execute(statement), ping);
    assert.match(wordsOf(await client.reply()), BLOCKED);
    assert.equal((await client.reply()).body[0], 0);
    await assert.rejects(client.prepared("select 'late' as b"), { message: BLOCKED });
  });

  test('A02: a cursor that was opened before a rule was made gives no more rows', async () => {
    const access = await lab.access(database);
    const client = await lab.through(access);
    const statement = await client.prepared("select 'cursor' from seq_1_to_10");
    client.send(execute(statement, [], 1), fetch(statement, 2));
    await client.reply();
    while (!isEof(await client.reply()));
    await client.reply();
    await client.reply();
    assert.ok(isEof(await client.reply()));
    await lab.system.office.deny(access.connectionId, ['cursor']);
    client.send(fetch(statement, 2));
    assert.match(wordsOf(await client.reply()), BLOCKED);
  });

  test('A02: a statement whose number was only guessed does not run', async () => {
    const access = await lab.access(database);
    const client = await lab.through(access);
    client.send(execute(1), execute(0xffffffff), ping);
    for (let time = 0; time < 2; time++) assert.match(wordsOf(await client.reply()), /^1243 .*Unknown prepared statement handler/);
    assert.equal((await client.reply()).body[0], 0);
    assert.deepEqual(await lab.actions(access, 0), []);
  });

  test('A02: a denied word in a parameter is seen, sent along or ahead', async () => {
    const before = await rowsOfT();
    const client = await lab.through(await lab.access(database, { deny: ['forbidden'] }));
    const statement = await client.prepared('insert into t values (?)');
    client.send(execute(statement, ['forbidden']));
    assert.match(wordsOf(await client.reply()), BLOCKED);
    client.send(longData(statement, 0, 'forb'), longData(statement, 0, 'idden'), execute(statement, [undefined]));
    assert.match(wordsOf(await client.reply()), BLOCKED);
    assert.equal(await rowsOfT(), before);
  });

  test('A05: bytes of other character sets hide no word', async () => {
    const client = await lab.through(await lab.access(database, { deny: ['insert into'] }));
    assert.equal((await client.ask('set names gbk')).error, undefined);
    const evil = Buffer.concat([Buffer.from("select '"), Buffer.from([0xbf, 0x5c]), Buffer.from("'; insert into t values ('x'); -- '")]);
    client.send(packet(0, Buffer.from([3]), evil));
    assert.match((await client.result()).error ?? 'not denied', BLOCKED);
  });

  test('A06: who asks for TLS and then goes on in clear text is not let in', async () => {
    const access = await lab.access(database);
    const client = await lab.connect(access);
    await client.reply();
    const head = Buffer.concat([int32(0x8aa00), int32(0x1000000), Buffer.from([45]), Buffer.alloc(23)]);
    const secret = text(access.secret);
    const login = packet(2, head, text('x'), Buffer.from([secret.length]), secret, text('mysql_clear_password'));
    client.send(packet(1, head), login);
    await within('the connection ends', client.rest());
    assert.deepEqual(await lab.system.office.sessions(access.connection), []);
  });

  test('A08: the number of somebody’s session stops nothing in the hands of another user or connection', async () => {
    const [mine, other] = [await lab.access(database), await lab.access(database)];
    const victim = await lab.through(mine);
    const running = victim.ask("select 'whole' from dual where sleep(0.2) = 0");
    const attacker = await lab.through(other);
    for (const form of ['KILL QUERY', 'KILL', 'KILL CONNECTION']) {
      assert.match((await attacker.ask(`${form} ${victim.threadId}`)).error ?? 'killed', /Unknown thread id/);
    }
    attacker.send(processKill(victim.threadId));
    assert.match(wordsOf(await attacker.reply()), /Unknown thread id/);
    assert.deepEqual(await running, { rows: ['whole'] });
  });

  test('A08: a KILL of a session in which nothing runs hits nothing that comes after it', async () => {
    const access = await lab.access(database);
    const [victim, killer] = [await lab.through(access), await lab.through(access)];
    for (let time = 0; time < 20; time++) {
      assert.deepEqual(await killer.ask(`KILL QUERY ${victim.threadId}`), { rows: [] });
      assert.deepEqual(await victim.ask('select sleep(0.001)'), { rows: ['0'] });
    }
    killer.send(processKill(victim.threadId));
    assert.equal((await killer.reply()).body[0], 0);
    await within('the killed session ends', victim.rest());
  });

  test('A10: a client that claims other forms of answers, which nobody offered, is spoken to without, and one that compresses is refused', async () => {
    const access = await lab.access(database);
    const client = await lab.through(access, { extraFlags: 0x4000000 | 0x1000000 | 0x800000 });
    assert.deepEqual(await client.ask("select 'plain'"), { rows: ['plain'] });
    await assert.rejects(lab.through(access, { extraFlags: 0x20 }), /connect without compression/);
  });

  for (const [name, command] of Object.entries({
    'COM_CHANGE_USER to another user': changeUser,
    COM_BINLOG_DUMP: binlogDump,
    COM_REGISTER_SLAVE: registerReplica,
  })) {
    test(`A04: ${name} is refused with its name, and the session goes on`, async () => {
      const client = await lab.through(await lab.access(database));
      client.send(command);
      assert.match(wordsOf(await client.reply()), new RegExp(`^1235 \\(42000\\): ${name} is not allowed through the gateway`));
      assert.deepEqual(await client.ask("select 'on'"), { rows: ['on'] });
    });
  }

  test('A11: a file of the client passes when a statement names it and policy allows it', async () => {
    const file = join(temporaryDirectory('load'), 'rows.txt');
    writeFileSync(file, 'one\ntwo\nthree\n');
    const load = `load data local infile '${file}' into table t`;
    const before = await rowsOfT();
    const access = await lab.access(database);
    const loaded = await runProgram('mariadb', [...mariadbArgs({ ...access, user: access.connection }), '--local-infile=1', '-e', load]);
    assert.deepEqual([loaded.exitCode, loaded.stderr], [0, '']);
    assert.equal(await rowsOfT(), before + 3);
    const [, passed] = await lab.actions(access, 2);
    assert.deepEqual([passed?.via ?? '', passed?.text], ['load-local', `LOAD DATA LOCAL INFILE "${file}"`]);
  });

  test('A11: a file that policy denies is not asked for, the client hears why in its turn, and the session goes on', async () => {
    const before = await rowsOfT();
    const client = await lab.through(await lab.access(database, { deny: ['local infile "/etc'] }), { localFiles: true });
    const answer = await client.ask("load data local infile '/etc/passwd' into table t; select 'behind'");
    assert.deepEqual([answer.rows, BLOCKED.test(answer.error ?? '')], [[], true]);
    assert.deepEqual(await client.ask("select 'on'"), { rows: ['on'] });
    assert.equal(await rowsOfT(), before);
  });

  test('A11: a server that asks for a file that no statement names gets nothing, and its session ends', async () => {
    for (const sql of ['select 1', "load data local infile 'mine.txt' into table t"]) {
      const rogue = net.createServer((socket) => {
        socket.on('error', () => undefined);
        const salt = Buffer.alloc(8, 65);
        const flags = [0x08, 0xaa, 0x0f, 0x00];
        const greeting = [
          Buffer.from([10]),
          text('8.0.0'),
          int32(1),
          salt,
          Buffer.from([0, flags[0] ?? 0, flags[1] ?? 0, 45, 2, 0, flags[2] ?? 0, flags[3] ?? 0, 21]),
        ];
        socket.write(packet(0, ...greeting, Buffer.alloc(10), Buffer.alloc(12, 65), Buffer.alloc(1), text('mysql_native_password')));
        let heard = 0;
        socket.on('data', () => {
          const answers = [packet(2, Buffer.from([0, 0, 0, 2, 0, 0, 0])), packet(1, Buffer.from([0xfb]), Buffer.from('/etc/passwd'))];
          const answer = answers[heard++];
          if (answer) socket.write(answer);
        });
      });
      await new Promise<void>((resolve) => rogue.listen(0, '127.0.0.1', resolve));
      const { port } = rogue.address() as net.AddressInfo;
      const access = await lab.access('', {}, { PORT: String(port) });
      const client = await lab.through(access, { localFiles: true });
      const { error = '' } = await client.ask(sql);
      assert.match(error, /asked for a file of the client that no statement names/);
      assert.equal((await lab.system.office.endedSession(access.connection)).end_reason, 'target_file_request');
      rogue.close();
    }
  });

  test('A13: results of several statements with an error among them leave both sides in step', async () => {
    const access = await lab.access(database);
    const client = await lab.through(access);
    client.send(query('select 1; select 2; do 1; select * from nowhere; select 3'), query("select 'next'"), ping, query('select 4'));
    const first = await client.result();
    assert.deepEqual(first.rows, ['1', '2']);
    assert.match(first.error ?? '', /1146/);
    assert.deepEqual(await client.result(), { rows: ['next'] });
    assert.ok(!isError(await client.reply()));
    assert.deepEqual(await client.result(), { rows: ['4'] });
    const [several] = await lab.actions(access, 3);
    assert.deepEqual([several?.outcome?.rows, several?.outcome?.error?.slice(0, 12)], [2, '1146 (42S02)']);
  });
});
