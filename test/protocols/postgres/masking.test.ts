import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Access } from '../../support/office.ts';
import { CONVERSATIONS, GROUND, play } from './conversations.ts';
import { Lab, PieceProxy } from './lab.ts';
import { bind, execute, functionCall, int16, message, parse, query, sync, text, type WireClient } from './wire-client.ts';

const MAIL = 'grace.hopper@navy.example';
const HIDDEN = '#'.repeat(MAIL.length);

describe('a masked value does not reach the client', () => {
  let lab: Lab;
  let database: string;
  let access: Access;
  before(async () => {
    lab = await Lab.start('memory');
    database = await lab.postgres.database();
    await lab.postgres.sql(
      `create table secrets (mail text);
       insert into secrets select '${MAIL}' from generate_series(1, 3);
       create type pair as (mail text, n int);
       create function tell() returns text language plpgsql as $$ begin raise notice 'it is %', (select mail from secrets limit 1); return 'told'; end $$;
       create function fail() returns text language plpgsql as $$ begin raise exception 'it is %', (select mail from secrets limit 1) using detail = (select mail from secrets limit 1), hint = (select mail from secrets limit 1); end $$;
       create function of_mail(out mail text) language sql as $$ select mail from secrets limit 1 $$;
       create function columns() returns refcursor language plpgsql as $$ declare c refcursor := 'c'; begin execute format('declare c cursor for select 1 as %I', (select mail from secrets limit 1)); return c; end $$;
       grant all on all tables in schema public to public; grant execute on all functions in schema public to public`,
      database,
    );
    access = await lab.access(database, { mask: ['EMAIL_ADDRESS'] });
  });
  after(() => lab.close());
  afterEach(() => lab.tidyUp());

  async function heard(client: WireClient, send: Buffer, answers = 1): Promise<string> {
    client.takeBytes();
    client.send(send);
    for (let left = answers; left > 0; left--) await client.until('Z');
    return client.takeBytes().toString('latin1');
  }

  const binary = (sql: string): Buffer =>
    Buffer.concat([
      parse('', sql),
      message('B', text(''), text(''), int16(0), int16(0), int16(1), int16(1)),
      message('D', Buffer.from('P\0')),
      execute(),
      sync,
    ]);

  const ways: readonly [where: string, send: () => Buffer, answers?: number][] = [
    ['in rows', () => query('select * from secrets')],
    ['in the middle of a text', () => query("select 'to: ' || mail || ', and more' from secrets")],
    ['in the binary format', () => binary('select mail from secrets')],
    [
      'in arrays, json, records and bytes, as text',
      () => query('select array_agg(mail), json_agg(mail), row(mail, 1)::pair, mail::bytea from secrets group by mail'),
    ],
    [
      'in arrays, json and records, in binary',
      () => binary('select array_agg(mail), jsonb_agg(mail), row(mail, 1)::pair, mail::bytea from secrets group by mail'),
    ],
    ['in copied rows', () => query('copy secrets to stdout')],
    [
      'in copied rows as CSV, behind others that are refused',
      () => Buffer.concat([query('copy secrets to stdout (format binary)'), query('copy secrets to stdout (format csv)')]),
      2,
    ],
    ['in what a changed row gives back', () => query('update secrets set mail = mail returning mail')],
    ['in a cursor', () => query('begin; declare k cursor for select mail from secrets; fetch all from k; commit')],
    [
      'in portions',
      () =>
        Buffer.concat([
          query('begin'),
          parse('', 'select mail from secrets'),
          bind('p'),
          execute('p', 1),
          execute('p', 1),
          sync,
          query('commit'),
        ]),
      3,
    ],
    ['in a notice', () => query('select tell()')],
    ['in an error, its detail and its hint', () => query('select fail()')],
    ['in an error of the server’s own words', () => query('select mail::int from secrets')],
    ['in a notification', () => Buffer.concat([query('listen n'), query("select pg_notify('n', mail) from secrets limit 1")]), 2],
    ['in the result of a function call', () => functionCall(0, [])],
    [
      'in a setting that the server reports',
      () => query("select set_config('application_name', (select mail from secrets limit 1), false)"),
    ],
    ['in the name of a column', () => query('begin; select columns(); fetch all from c; rollback')],
    ['in a plan', () => query(`explain select * from secrets where mail = '${MAIL}'`)],
  ];
  for (const [where, send, answers] of ways) {
    test(where, async () => {
      const client = await lab.through(access);
      const oid = Number((await lab.postgres.sql("select 'of_mail'::regproc::oid::int as oid", database))[0]?.oid);
      const bytes = where.includes('function call') ? functionCall(oid, []) : send();
      const seen = await heard(client, bytes, answers);
      assert.ok(seen.includes(HIDDEN), `nothing was hidden in ${JSON.stringify(seen)}`);
      assert.equal(seen.includes(MAIL), false);
      assert.equal(seen.includes('navy'), false);
      // And the client is in step.
      assert.match(await heard(client, query("select 'in step'")), /in step/);
    });
  }

  test('A35: in a copy in the binary format, which tells no types: it is refused, in a transaction as outside', async () => {
    const client = await lab.through(access);
    for (const sql of [
      'copy secrets to stdout (format binary)',
      'copy (select 1) to stdout (format "binary")',
      'copy secrets to stdout binary',
    ]) {
      const seen = await heard(client, query(sql));
      assert.match(seen, /42501.*COPY in the binary format does not tell what its values are.*Copy in the text format/, sql);
      assert.doesNotMatch(seen, /PGCOPY/);
    }
    assert.match(
      await heard(client, Buffer.concat([parse('', 'copy secrets to stdout (format binary)'), bind(), execute(), sync])),
      /42501/,
    );
    const begun = await heard(client, Buffer.concat([query('begin'), query('copy secrets to stdout (format binary)')]), 2);
    assert.match(begun, /42501/);
    assert.equal(begun.at(-1), 'E');
    await heard(client, query('rollback'));
    // Words that only look like it are no reason.
    assert.match(await heard(client, query("select 'copy t to stdout (format binary)'")), /copy t to stdout/);
    assert.match(await heard(client, query('copy secrets to stdout')), /####/);
  });

  test('in what the audit quotes of an error', async () => {
    const own = await lab.access(database, { mask: ['EMAIL_ADDRESS'] });
    const client = await lab.through(own);
    await heard(client, query('select fail()'));
    const [action] = await lab.actions(own, 1);
    assert.equal(action?.outcome?.error, `P0001: it is ${HIDDEN}`);
    assert.deepEqual(action.outcome.masked, { EMAIL_ADDRESS: 3 });
  });

  test('however the server’s bytes are cut', async () => {
    const proxy = await PieceProxy.start(lab.postgres.port, 1);
    const dribbling = await lab.through(await lab.access(database, { mask: ['EMAIL_ADDRESS'] }, { PORT: String(proxy.port) }));
    const seen = await heard(dribbling, query('select * from secrets; copy secrets to stdout; select tell()'));
    assert.equal(seen.split(HIDDEN).length, 8);
    assert.equal(seen.includes('navy'), false);
    proxy.close();
  });

  test('and everything else does, byte for byte', async () => {
    const ground = await lab.postgres.database();
    await lab.postgres.sql(GROUND, ground);
    const masked = await lab.access(ground, { mask: ['EMAIL_ADDRESS'], deny: ['nobody says this'] });
    for (const each of CONVERSATIONS.filter(({ about }) => !about.startsWith('function calls'))) {
      const direct = await lab.direct(ground);
      // Copies in the binary format are refused where there is a mask.
      const conversation = { ...each, steps: each.steps.filter(({ send }) => !send.some((bytes) => bytes.includes('format binary'))) };
      const expected = (await play(direct, conversation, (bytes) => direct.send(bytes))).toString('latin1');
      const client = await lab.through(masked);
      const seen = (await play(client, conversation, (bytes) => client.send(bytes))).toString('latin1');
      assert.equal(
        seen,
        expected.replace(/person\d+@example\.org|a@b\.example/g, (mail) => '#'.repeat(mail.length)),
        conversation.about,
      );
    }
  });
});
