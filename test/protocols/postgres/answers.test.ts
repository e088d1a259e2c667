import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, afterEach, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { AnswerRules } from '@hoop/core/answer';
import pg from 'pg';
import postgres from 'postgres';
import { plainEnv } from '../../support/env.ts';
import { TestPostgres } from '../../support/test-postgres.ts';
import { Doorway } from './doorway.ts';
import {
  bind,
  cellsOf,
  copyData,
  copyDone,
  execute,
  extended,
  functionCall,
  int16,
  message,
  parse,
  query,
  type Reply,
  sync,
  text,
  type WireClient,
  wordsOf,
} from './wire-client.ts';

const LIMIT = 5;
const DENIAL = { rule: 'few rows', message: 'Too many rows' };
const SECRET = 'tell-nobody';
const SECRET_DENIAL = { rule: 'no secrets', message: 'A secret' };

/** In short: types of messages, words of errors, and the state that the server says it is in. */
function told(replies: readonly Reply[]): string[] {
  const shown: string[] = [];
  for (const reply of replies) {
    if (reply.type === 'D' || reply.type === 'd') {
      const last = /^(\d+) rows$/.exec(shown.at(-1) ?? '');
      if (last) shown.pop();
      shown.push(`${Number(last?.[1] ?? 0) + 1} rows`);
    } else if (reply.type === 'E') shown.push(wordsOf(reply));
    else if (reply.type === 'Z') shown.push(`ready ${reply.body.toString()}`);
    else if (reply.type === 'C') shown.push(reply.body.toString('utf8', 0, reply.body.length - 1));
    else if (reply.type !== 'T' && reply.type !== 'H' && reply.type !== 'c') shown.push(reply.type);
  }
  return shown;
}

const ENDED = 'ERROR 42501: Too many rows';

describe('an answer that rules end', () => {
  let server: TestPostgres;
  let limited: Doorway;
  let guarded: Doorway;
  const clients: WireClient[] = [];
  before(async () => {
    server = await TestPostgres.start();
    const database = await server.database();
    await server.sql(
      `create table marks (word text); create table loud (word text);
       insert into loud values ('one'), ('${SECRET}'), ('three');
       create function tell(what text) returns text language plpgsql as $$ begin raise notice 'it is %', what; return 'told'; end $$;
       create function fail(what text) returns text language plpgsql as $$ begin raise exception 'it is %', what; end $$;
       grant all on all tables in schema public to public; grant execute on all functions in schema public to public`,
      database,
    );
    const rows: AnswerRules = { rows: { max: LIMIT, denial: DENIAL } };
    limited = await Doorway.open(server, database, { answer: () => rows });
    const forbids: AnswerRules = { forbids: (value) => (value.includes(SECRET) ? SECRET_DENIAL : undefined) };
    guarded = await Doorway.open(server, database, { answer: () => forbids });
  });
  after(async () => {
    limited.close();
    guarded.close();
    await server.stop();
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.destroy();
  });

  async function client(doorway = limited): Promise<WireClient> {
    const opened = await doorway.client();
    clients.push(opened);
    return opened;
  }

  async function ask(on: WireClient, ...parts: readonly Buffer[]): Promise<string[]> {
    on.send(...parts);
    return told(await on.until('Z'));
  }

  const series = (count: number): string => `select generate_series(1, ${count})`;

  describe('after a number of rows', () => {
    test('is whole when it has no more', async () => {
      const on = await client();
      assert.deepEqual(await ask(on, query(series(LIMIT))), ['5 rows', 'SELECT 5', 'ready I']);
    });

    test('shows no row more, and the session goes on', async () => {
      const on = await client();
      assert.deepEqual(await ask(on, query(series(LIMIT + 1))), ['5 rows', ENDED, 'ready I']);
      assert.deepEqual(await ask(on, query('select 1')), ['1 rows', 'SELECT 1', 'ready I']);
      assert.equal((await limited.last()).outcome?.rows, 1);
      assert.deepEqual(
        limited.actions.slice(-2).map(({ outcome }) => [outcome?.rows, outcome?.error]),
        [
          [5, '42501: Too many rows'],
          [1, undefined],
        ],
      );
    });

    test('stops what would run for hours', async () => {
      const on = await client();
      assert.deepEqual(await ask(on, query('select generate_series(1, 10000000000)')), ['5 rows', ENDED, 'ready I']);
      assert.deepEqual(await ask(on, extended('select generate_series(1, 10000000000)'), sync), ['1', '2', '5 rows', ENDED, 'ready I']);
      assert.deepEqual(await ask(on, query('select 1')), ['1 rows', 'SELECT 1', 'ready I']);
    });

    test('counts the rows of all statements of a query', async () => {
      const on = await client();
      assert.deepEqual(await ask(on, query(`${series(3)}; ${series(3)}; insert into marks values ('never')`)), [
        '3 rows',
        'SELECT 3',
        '2 rows',
        ENDED,
        'ready I',
      ]);
    });

    for (const [about, sent] of [
      ['a query', (sql: string) => query(sql)],
      ['a batch', (sql: string) => Buffer.concat([extended(sql), sync])],
    ] as const) {
      test(`fails the transaction around ${about}, whether the server had ended or not`, async () => {
        const on = await client();
        for (const count of [LIMIT + 1, 10_000_000_000]) {
          assert.deepEqual(await ask(on, query("begin; insert into marks values ('taken back')")), ['BEGIN', 'INSERT 0 1', 'ready T']);
          assert.deepEqual((await ask(on, sent(series(count)))).slice(-3), ['5 rows', ENDED, 'ready E']);
          assert.match((await ask(on, query('select 1'))).join(), /^ERROR 25P02.*ready E$/);
          assert.deepEqual(await ask(on, query('commit')), ['ROLLBACK', 'ready I']);
        }
        assert.deepEqual(await server.sql("select * from marks where word = 'taken back'", limited.database), []);
      });
    }

    test('fails a batch, as the error in it does: nothing of it stays, and nothing behind it runs', async () => {
      const on = await client();
      const batch = [
        extended("insert into marks values ('before')"),
        extended(series(LIMIT + 1)),
        extended("insert into marks values ('behind')"),
        sync,
      ];
      assert.deepEqual(await ask(on, ...batch), ['1', '2', 'INSERT 0 1', '1', '2', '5 rows', ENDED, 'ready I']);
      assert.deepEqual(await server.sql("select * from marks where word in ('before', 'behind')", limited.database), []);
    });

    test('tells the truth of what stays: a query that had ended outside of a transaction', async () => {
      const on = await client();
      on.send(query("insert into marks select 'stays' from generate_series(1, 6) returning word"));
      const replies = await on.until('Z');
      const kept = (await server.sql("select * from marks where word = 'stays'", limited.database)).length;
      const hint = /\0H([^\0]*)\0/.exec(replies.find(({ type }) => type === 'E')?.body.toString() ?? '')?.[1];
      assert.match(hint ?? '', kept === 6 ? /what it changed stays/ : /the statement failed with it/);
      assert.equal(kept === 6 || kept === 0, true);
    });

    test('leaves what is pipelined behind it in its turn', async () => {
      const on = await client();
      on.send(query(series(LIMIT + 1)), query('select 1'), query('select generate_series(1, 10000000000)'), query('select 2'));
      const all = [];
      for (let left = 4; left > 0; left--) all.push(told(await on.until('Z')));
      assert.deepEqual(all, [
        ['5 rows', ENDED, 'ready I'],
        ['1 rows', 'SELECT 1', 'ready I'],
        ['5 rows', ENDED, 'ready I'],
        ['1 rows', 'SELECT 1', 'ready I'],
      ]);
    });

    test('counts over all portions of a portal', async () => {
      const on = await client();
      await ask(on, query('begin'));
      assert.deepEqual(await ask(on, parse('', series(20)), bind('p'), execute('p', 3), sync), ['1', '2', '3 rows', 's', 'ready T']);
      assert.deepEqual(await ask(on, execute('p', 3), sync), ['2 rows', ENDED, 'ready E']);
      await ask(on, query('rollback'));
      assert.deepEqual(await ask(on, parse('', series(20)), bind('p'), execute('p', 3), execute('p', 3), execute('p', 3), sync), [
        '1',
        '2',
        '3 rows',
        's',
        '2 rows',
        ENDED,
        'ready I',
      ]);
    });

    test('counts over all portions of a cursor, and anew for the next one', async () => {
      const on = await client();
      const declare = `declare c cursor for ${series(20)}`;
      await ask(on, query(`begin; ${declare}`));
      for (const count of [3, 2])
        assert.deepEqual(await ask(on, query(`fetch ${count} from c`)), [`${count} rows`, `FETCH ${count}`, 'ready T']);
      assert.deepEqual(await ask(on, query('fetch 1 from c')), [ENDED, 'ready E']);
      await ask(on, query('rollback'));
      await ask(on, query(`begin; ${declare}`));
      assert.deepEqual(await ask(on, query('fetch 5 from c')), ['5 rows', 'FETCH 5', 'ready T']);
      await ask(on, query(`close c; ${declare}`));
      assert.deepEqual(await ask(on, query('fetch 5 from c')), ['5 rows', 'FETCH 5', 'ready T']);
      await ask(on, query('rollback'));
      await ask(on, query(`declare c cursor with hold for ${series(20)}`));
      assert.deepEqual(await ask(on, query('fetch 5 from c')), ['5 rows', 'FETCH 5', 'ready I']);
      assert.deepEqual(await ask(on, query('fetch 1 from c')), [ENDED, 'ready I']);
    });

    test('holds for cursors and for what is copied out', async () => {
      const on = await client();
      assert.deepEqual((await ask(on, query(`begin; declare c cursor for ${series(20)}; fetch all from c`))).slice(-3), [
        '5 rows',
        ENDED,
        'ready E',
      ]);
      await ask(on, query('rollback'));
      for (const style of ['', ' (format csv, header)', ' (format binary)']) {
        const names = style.includes('header') ? 1 : 0;
        const whole = await ask(on, query(`copy (${series(LIMIT)}) to stdout${style}`));
        assert.deepEqual(whole, [`${LIMIT + names + (style.includes('binary') ? 1 : 0)} rows`, 'COPY 5', 'ready I'], style);
        assert.deepEqual(
          await ask(on, query(`copy (${series(10_000)}) to stdout${style}`)),
          [`${LIMIT + names} rows`, ENDED, 'ready I'],
          style,
        );
      }
      assert.deepEqual(await ask(on, extended(`copy (${series(6)}) to stdout`), sync), ['1', '2', '5 rows', ENDED, 'ready I']);
    });

    test('lets data be copied in, alone and in the midst of a query', async () => {
      const on = await client();
      on.send(query('copy marks from stdin'));
      await on.until('G');
      assert.deepEqual(await ask(on, copyData('copied\n'), copyDone), ['COPY 1', 'ready I']);
      assert.deepEqual(await ask(on, query(`copy marks from stdin; ${series(6)}`), copyData('copied\n'), copyDone), [
        'G',
        'COPY 1',
        '5 rows',
        ENDED,
        'ready I',
      ]);
      assert.deepEqual(await ask(on, extended('copy marks from stdin'), sync, copyData('copied\n'), copyDone, sync), [
        '1',
        '2',
        'G',
        'COPY 1',
        'ready I',
      ]);
      assert.deepEqual(await ask(on, query(`${series(6)}; copy marks from stdin`)), ['5 rows', ENDED, 'ready I']);
      assert.deepEqual(await ask(on, query('select 1')), ['1 rows', 'SELECT 1', 'ready I']);
    });

    test('lets the result of a function pass as one row', async () => {
      const on = await client();
      const [{ oid } = {}] = await server.sql("select 'pg_catalog.pg_backend_pid'::regproc::oid::int as oid", limited.database);
      assert.deepEqual(await ask(on, functionCall(Number(oid), [])), ['V', 'ready I']);
    });

    test('keeps memory flat while the rest of it comes', async () => {
      const on = await client();
      const before = process.memoryUsage().rss;
      assert.deepEqual(await ask(on, query("select repeat('x', 10000) from generate_series(1, 30000)")), ['5 rows', ENDED, 'ready I']);
      assert.ok(process.memoryUsage().rss - before < 100 * 1024 * 1024);
    });
  });

  describe('in clients that people have', () => {
    test('psql goes on, in a transaction and out of one', async () => {
      const script = [series(6), 'begin', series(6), 'select 1', 'rollback', "select 'still here'"].join(';\n');
      const args = ['-X', '-A', '-t', '-h', '127.0.0.1', '-p', String(limited.port), '-U', 'anybody', '-c', '\\set VERBOSITY verbose'];
      const { stdout, stderr } = await promisify(execFile)('psql', [...args, ...script.split('\n').flatMap((line) => ['-c', line])], {
        env: plainEnv({ PGSSLMODE: 'disable' }),
        timeout: 30_000,
      });
      assert.match(stdout, /still here/);
      assert.equal(stderr.match(/Too many rows/g)?.length, 2);
      assert.match(stderr, /current transaction is aborted/);
    });

    test('psql that fetches in portions gets no more', async () => {
      const args = ['-X', '-A', '-t', '-h', '127.0.0.1', '-p', String(limited.port), '-U', 'anybody', '-v', 'FETCH_COUNT=2'];
      const env = plainEnv({ PGSSLMODE: 'disable' });
      const { stdout, stderr } = await promisify(execFile)('psql', [...args, '-c', series(20), '-c', "select 'next'"], {
        env,
        timeout: 30_000,
      });
      // What had come of the portion that failed psql does not print.
      assert.match(stdout, /^1\n2\n3\n4\n?next\n$/);
      assert.match(stderr, /Too many rows/);
    });

    test('node-postgres hears the words, and goes on', async () => {
      const db = new pg.Client({ host: '127.0.0.1', port: limited.port, user: 'anybody' });
      await db.connect();
      await assert.rejects(db.query(series(6)), /Too many rows/);
      await assert.rejects(db.query('select generate_series(1, $1::int8)', [1e12]), /Too many rows/);
      await assert.rejects(db.query({ name: 'named', text: 'select generate_series(1, $1::int)', values: [6] }), /Too many rows/);
      assert.equal((await db.query({ name: 'named', text: 'select generate_series(1, $1::int)', values: [5] })).rowCount, 5);
      await db.query('begin');
      await assert.rejects(db.query('select generate_series(1, $1::int)', [6]), /Too many rows/);
      await assert.rejects(db.query('select 1'), /current transaction is aborted/);
      await db.query('rollback');
      assert.equal((await db.query('select 1')).rowCount, 1);
      await db.end();
    });

    test('postgres.js hears them in their turn when it pipelines', async () => {
      const db = postgres({ host: '127.0.0.1', port: limited.port, username: 'anybody', max: 1, fetch_types: false });
      const settled = await Promise.allSettled([
        db.unsafe(series(6), [], { prepare: true }),
        db.unsafe(series(5), [], { prepare: true }),
        db.unsafe('select generate_series(1, 10000000000)', [], { prepare: true }),
        db.unsafe('select 1', [], { prepare: true }),
      ]);
      assert.deepEqual(
        // It goes on counting rows behind those of an answer that failed, whoever made it fail: what it has not got are holes.
        settled.map((each) => (each.status === 'fulfilled' ? Object.keys(each.value).length : (each.reason as Error).message)),
        ['Too many rows', 5, 'Too many rows', 1],
      );
      await db.end();
    });
  });

  describe('because of what it says', () => {
    const binary = (sql: string): Buffer =>
      Buffer.concat([parse('', sql), message('B', text(''), text(''), int16(0), int16(0), int16(1), int16(1)), execute(), sync]);
    const ways: readonly [about: string, send: Buffer, told: string][] = [
      ['a row', query('select * from loud'), '1 rows,ERROR 42501: A secret,ready I'],
      ['a row in the binary format', binary('select array[row(word, 1)] from loud'), '1,2,1 rows,ERROR 42501: A secret,ready I'],
      ['a row of bytes', query('select word::bytea from loud'), '1 rows,ERROR 42501: A secret,ready I'],
      ['a copied line', query('copy loud to stdout'), '1 rows,ERROR 42501: A secret,ready I'],
      ['a copied line in the binary format', query('copy loud to stdout (format binary)'), '1 rows,ERROR 42501: A secret,ready I'],
      ['a notice', query(`select tell('${SECRET}')`), 'ERROR 42501: A secret,ready I'],
      ['an error', query(`select fail('${SECRET}')`), 'ERROR 42501: A secret,ready I'],
      ['an error of a batch', Buffer.concat([extended(`select fail('${SECRET}')`), sync]), '1,2,ERROR 42501: A secret,ready I'],
      ['a name of a column', query(`select 1 as "${SECRET}"`), 'ERROR 42501: A secret,ready I'],
      [
        'a value that is not described',
        Buffer.concat([extended('select word from loud'), sync]),
        '1,2,1 rows,ERROR 42501: A secret,ready I',
      ],
    ];
    for (const [about, send, expected] of ways) {
      test(`does not show ${about}`, async () => {
        const on = await client(guarded);
        on.takeBytes();
        assert.equal((await ask(on, send)).join(), expected);
        assert.equal(on.takeBytes().includes(SECRET), false);
        assert.deepEqual(await ask(on, query("select 'in step'")), ['1 rows', 'SELECT 1', 'ready I']);
      });
    }

    test('fails the transaction around it', async () => {
      const on = await client(guarded);
      assert.deepEqual((await ask(on, query('begin'), query('select * from loud'))).concat(told(await on.until('Z'))), [
        ...['BEGIN', 'ready T', '1 rows', 'ERROR 42501: A secret', 'ready E'],
      ]);
    });
  });

  describe('and columns that are hidden', () => {
    let hiding: Doorway;
    const hides: AnswerRules = {
      hides: (columns) => {
        const hide = () => Buffer.from('hidden');
        if (typeof columns === 'number') return Array.from({ length: columns }, () => hide);
        return columns.map(({ name }) => (name === 'secret' ? hide : undefined));
      },
      hushes: true,
    };
    before(async () => {
      hiding = await Doorway.open(server, limited.database, { answer: () => hides });
    });
    after(() => hiding.close());
    const cells = (replies: readonly Reply[]): (string | null)[][] => replies.filter(({ type }) => type === 'D').map(cellsOf);

    test('show what is there for them, or no value where the type has no room', async () => {
      const on = await client(hiding);
      const of = async (value: string): Promise<(string | null)[] | undefined> =>
        cells(await on.ask(`select 1 as id, ${value} as secret`))[0];
      assert.deepEqual(await of("'text'"), ['1', 'hidden']);
      assert.deepEqual(await of("'text'::varchar(30)"), ['1', 'hidden']);
      assert.deepEqual(await of("'text'::bytea"), ['1', `\\x${Buffer.from('hidden').toString('hex')}`]);
      for (const value of ['7', '7.5', 'true', 'now()', "'{}'::jsonb", 'array[1]', "'10.0.0.1'::inet", 'row(1, 2)', 'int4range(1, 3)'])
        assert.deepEqual(await of(value), ['1', null], value);
      assert.deepEqual(await of('null'), ['1', null]);
    });

    test('are known by what a client was told before, or hidden all', async () => {
      const on = await client(hiding);
      const sql = "select 'open' as id, 'text' as secret";
      const shown = async (...parts: Buffer[]): Promise<(string | null)[][]> => {
        on.send(...parts);
        return cells(await on.until('Z'));
      };
      const describe = (what: string): Buffer => message('D', Buffer.from(`${what}\0`));
      assert.deepEqual(await shown(parse('', sql), describe('S'), bind(), execute(), sync), [['open', 'hidden']]);
      assert.deepEqual(await shown(bind(), execute(), sync), [['open', 'hidden']]);
      assert.deepEqual(await shown(parse('', sql), bind(), describe('P'), execute(), sync), [['open', 'hidden']]);
      assert.deepEqual(await shown(parse('', sql), bind(), execute(), sync), [[null, null]]);
      assert.deepEqual(await shown(query(`begin; declare c cursor for ${sql}; fetch all from c; commit`)), [['open', 'hidden']]);
    });

    test('are hidden in what is copied out, in all of its formats', async () => {
      const on = await client(hiding);
      const copied = async (style: string): Promise<string[]> =>
        (await on.ask(`copy (select E'a\\tb,"c' as id, 'tell' as secret) to stdout ${style}`))
          .filter(({ type }) => type === 'd' || type === 'E')
          .map((reply) => (reply.type === 'E' ? wordsOf(reply) : reply.body.toString('latin1')));
      assert.deepEqual(await copied(''), ['hidden\thidden\n']);
      assert.deepEqual(await copied("(format csv, header, delimiter ';')"), ['id;secret\n', 'hidden;hidden\n']);
      assert.deepEqual(await copied("csv quote '''' null 'none' force quote *"), ['hidden,hidden\n']);
      const [first, end] = await copied('(format binary)');
      assert.equal(first?.includes('tell'), false);
      assert.equal(end, '\xff\xff');
      assert.deepEqual(await copied("(delimiter '|') /* /* */ */"), [
        'ERROR 42501: The answer ends here because it cannot be told which part of a line is to be hidden. Copy with plain options, one COPY at a time',
      ]);
    });

    test('are counted, where a mask may let a format without types pass', async () => {
      const open = await Doorway.open(server, limited.database, { answer: () => ({ untyped: { countedAs: 'UNCHECKED' } }) });
      const on = await client(open);
      const replies = await on.ask("copy (select 'open') to stdout (format binary)");
      assert.ok(replies.some(({ type, body }) => type === 'd' && body.includes('open')));
      assert.deepEqual((await open.last()).outcome?.masked, { UNCHECKED: 1 });
      await on.ask("copy (select 'open') to stdout");
      assert.equal((await open.last()).outcome?.masked, undefined);
      open.close();
    });

    test('are not quoted in errors and notices', async () => {
      const on = await client(hiding);
      const words = async (sql: string): Promise<string> =>
        (await on.ask(sql)).flatMap((reply) => (reply.type === 'E' || reply.type === 'N' ? [wordsOf(reply)] : [])).join();
      const hushed = 'The words of the database are not shown, because they may quote a hidden value';
      assert.equal(await words('select word::int from loud'), `ERROR 22P02: ${hushed}`);
      assert.equal(await words("select fail('x')"), `ERROR P0001: ${hushed}`);
      assert.equal(await words("select tell('x')"), `NOTICE 00000: ${hushed}`);
      assert.equal(await words('select * from nowhere'), 'ERROR 42P01: relation "nowhere" does not exist');
    });
  });
});
