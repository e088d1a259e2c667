import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Product } from '../bench/product.ts';
import { residentMiB } from '../bench/stack.ts';
import { type MysqlServer, USERS } from '../support/mysql-server.ts';
import { runProgram } from '../support/program.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { startMariadb } from '../support/test-mariadb.ts';

const LINES = 50_000;
const LINE_BYTES = 4_000;

/** What a process may grow by while 200 MB pass: its buffers, and what its collector has not taken yet. */
const GROWTH_MIB_MAX = 130;

/** Of a line's hash what counts; the sum over all lines fits a DECIMAL. */
const HASH_DIGITS = 12;

describe('a large file of a client of MySQL, through gateway and agent as processes of their own', () => {
  const directory = temporaryDirectory('load');
  const file = join(directory, 'lines.txt');
  /** What a process needs for any file at all is not what is measured. */
  const smaller = join(directory, 'smaller.txt');
  let expected = 0n;
  let mariadb: MysqlServer;
  let database: string;
  let product: Product;
  before(async () => {
    expected = writeLines(file, LINES);
    writeLines(smaller, LINES / 5);
    mariadb = await startMariadb();
    database = await mariadb.database();
    const columns = '(id int primary key, line varchar(5000) character set ascii) engine = myisam';
    await mariadb.sql(`create table notes ${columns}; create table warm ${columns}`, database);
    product = await Product.start('gateway + agent');
    const settings = mariadb.settings(database, { USER: USERS.trusted.user, PASS: '' });
    await product.office.connection('load', product.agentId, settings, { mask: ['EMAIL_ADDRESS'] }, { type: 'database', subtype: 'mysql' });
  });
  after(async () => {
    await product[Symbol.asyncDispose]();
    await mariadb.stop();
  });

  test('200 MB of LOAD DATA LOCAL arrive whole, as the database’s own checksum says, and no process grows with it', async () => {
    const { host, port, secret } = await product.office.credential('load');
    const place = ['-h', host, '-P', String(port), '-u', 'load', `-p${secret}`, database];
    const load = async (path: string, table: string): Promise<void> => {
      const sql = `load data local infile '${path}' into table ${table} character set ascii fields terminated by ':'`;
      const { exitCode, stderr } = await runProgram('mariadb', ['--no-defaults', ...place, '--local-infile=1', '-e', sql]);
      assert.deepEqual([exitCode, stderr], [0, '']);
    };
    await load(smaller, 'warm');
    const before_MiB = product.processes.map(({ pid }) => residentMiB(pid));
    const most_MiB = [...before_MiB];
    const timer = setInterval(() => {
      for (const [at, { pid }] of product.processes.entries()) most_MiB[at] = Math.max(most_MiB[at] ?? 0, residentMiB(pid));
    }, 20);
    await load(file, 'notes');
    clearInterval(timer);
    const [row] = await mariadb.sql(
      `select count(*) as count, sum(cast(conv(left(sha2(concat(id, ':', line), 256), ${HASH_DIGITS}), 16, 10) as unsigned)) as hash from notes`,
      database,
    );
    assert.deepEqual([Number(row?.count), BigInt(String(row?.hash))], [LINES, expected]);
    const grown = most_MiB.map((most, at) => most - (before_MiB[at] ?? 0));

    assert.ok(Math.max(...grown) < GROWTH_MIB_MAX, `gateway and agent grew by ${grown.join(' and ')} MiB`);
  });
});

/** Numbered lines, none like another; resolves with the sum of their hashes. */
function writeLines(path: string, lines: number): bigint {
  const random = randomBytes(LINE_BYTES / 2).toString('hex');
  const out = openSync(path, 'w');
  let sum = 0n;
  for (let at = 0; at < lines; ) {
    let block = '';
    for (const end = Math.min(at + 500, lines); at < end; at++) {
      const line = `${at}:${(at * 7919).toString(16)}${random}`.slice(0, LINE_BYTES);
      sum += BigInt(`0x${createHash('sha256').update(line).digest('hex').slice(0, HASH_DIGITS)}`);
      block += `${line}\n`;
    }
    writeSync(out, block);
  }
  closeSync(out);
  return sum;
}
