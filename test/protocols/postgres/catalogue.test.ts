import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { routes } from '@hoop/contract/routes/all';
import pg from 'pg';
import { linesOf, SECRETS, TABLES } from '../../policy/columns/statements.ts';
import type { Access } from '../../support/office.ts';
import { USERS } from '../../support/test-postgres.ts';
import { until } from '../../support/until.ts';
import { Lab } from './lab.ts';
import { type WatchedClient, watchedClient } from './watched-client.ts';

/** What was made years ago, past any gateway, each with a hidden column under another name. */
const MADE = [
  'create view contacts as select id, email as note, phone as line, name from users',
  'create view notes (number, remark) as select id, note from contacts where note is not null',
  'create materialized view kept as select number, lower(remark) as low from notes',
  'create schema app',
  'create view app.joined as select o.id, o.total, c.note as who from public.orders o join public.contacts c on c.id = o.user_id',
  'create view united as select id, name as anything from users union all select id, email from users',
  'create view whole as select u as everything, id from users u',
  'create view computed_line as select id, (select max(phone) from users) as top from orders',
  'create table people (id int, email text, mail text generated always as (upper(email)) stored)',
  "insert into people values (1, 'sentinel-9')",
  'alter view contacts rename column line to number_of',
  'create function one_note(i int) returns text language sql stable as $$ select note from contacts where id = i $$',
  'create function new_note(i int) returns text language sql stable return (select email from users where id = i)',
  'create function atomic_note() returns setof text language sql begin atomic select 1; select phone from users; end',
  'create function all_notes() returns table (number int, remark text) language sql as $$ select id, email from users $$',
  'create function out_note(out who text, out said text) language sql as $$ select name, phone from users order by id limit 1 $$',
  'create function set_notes() returns setof orders language sql as $$ select id, id, length(email) from users $$',
  'create function text_notes() returns setof record language sql as $$ select id, phone from users $$',
  'create function block_note(i int) returns text language plpgsql as $$ declare x text; begin select email into x from users where id = i; return x; end $$',
  'create function star_note() returns setof text language plpgsql as $$ declare r record; begin for r in select * from contacts loop return next r::text; end loop; end $$',
  "create function dynamic_note() returns setof text language plpgsql as $$ begin return query execute 'select em' || 'ail::text from users'; end $$",
  'create function nested_note() returns text language plpgsql as $$ begin return one_note(1) || new_note(2); end $$',
  'create function note_of(u users) returns text language sql as $$ select u.email $$',
  'create function contact_of(o orders) returns text language sql as $$ select email from users where id = o.user_id $$',
  'create function joined(a text, b text) returns text language sql as $$ select email from users limit 1 $$',
  'create operator %%% (leftarg = text, rightarg = text, function = joined)',
  'create function gather(state text, each int) returns text language sql as $$ select email from users limit 1 $$',
  'create aggregate gathered (int) (sfunc = gather, stype = text)',
  'create function pg_looks_built_in() returns setof text language sql as $$ select phone::text from users $$',
  'create function plus_one(i int) returns int language sql as $$ select i + 1 $$',
  'create function total_of(i int) returns bigint language plpgsql as $$ begin return (select sum(total) from orders where user_id = i); end $$',
  'create function names_only() returns setof text language sql as $$ select name from users $$',
  'create function order_rows() returns setof orders language sql as $$ select * from orders $$',
  'create table parents (id int, code text)',
  'create table children () inherits (parents)',
  "insert into children values (1, 'sentinel-7')",
];

const ASKED = `
select note, number_of from contacts
select note as x from public.contacts c
select * from contacts
select c from contacts c
select row_to_json(c) as x from contacts c
select remark from notes
select * from notes
select number, upper(remark) as x from notes
select low from kept
select * from kept
select who, total from app.joined
select * from app.joined
select j.who as x from app.joined j join orders o on o.id = j.id
select anything from united
select everything from whole
select (everything).email from whole
select top from computed_line
select mail from people
select mail as x, id from people
select * from people
select one_note(1), new_note(2) as x
select one_note(id) || '' as x from orders
select * from atomic_note()
select x from atomic_note() as x
select * from all_notes()
select t.remark as x from all_notes() t
select a, b from all_notes() as t(a, b)
select all_notes()
select (all_notes()).remark
select * from out_note()
select (out_note()).said as x
select * from text_notes() as t(a int, b text)
select block_note(1)
select block_note(id) as x from users
select * from star_note()
select * from dynamic_note()
select nested_note() as x
select u.note_of from users u
select note_of(u) as x from users u
select o.contact_of from orders o
select contact_of(o) as x from orders o
select 'a' %%% 'b' as x
select gathered(id) as x from orders
select * from pg_looks_built_in()
select pg_looks_built_in() as x
select x from (select one_note(1) as x) q
with q as (select note as n from contacts) select n as x from q
copy contacts to stdout
copy (select remark from notes) to stdout
copy (select one_note(1)) to stdout
table notes
explain analyze select note from contacts where note = 'x'
select most_common_vals::text as x, histogram_bounds::text as y from pg_stats where tablename = 'kept'
select histogram_bounds::text as x from pg_catalog.pg_stats s
select stavalues1::text as x, stavalues2::text as y from pg_statistic
select s from pg_stats s
select code as x from children
select code as x from parents
`;

describe('columns that are hidden, through what was at a PostgreSQL server before', () => {
  let lab: Lab;
  let access: Access;
  let database: string;
  let direct: pg.Client;

  before(async () => {
    lab = await Lab.start('tunnel');
    database = await lab.postgres.database();
    access = await lab.access(database);
    // Only a superuser may read what samples are kept in.
    await lab.postgres.sql('alter user trusted superuser');
    direct = new pg.Client({ host: '127.0.0.1', port: lab.postgres.port, ...USERS.trusted, database });
    await direct.connect();
    for (const text of [...TABLES, ...MADE]) await direct.query(text);
    await direct.query('analyze');
    await rule(access, 'contact', ['*email*', 'users.phone', 'parents.code']);
  });
  after(async () => {
    await direct.end();
    await lab.close();
  });

  const rule = (to: Access, name: string, columns: readonly string[]) =>
    lab.system.office.api.call(routes.createMaskingRule, { body: { name, columns: [...columns], connection_ids: [to.connectionId] } });

  const connect = (to = access): Promise<WatchedClient> => watchedClient(to, database);

  test('A33: are never seen under another name', async () => {
    const { client, seen } = await connect();
    for (const text of linesOf(ASKED)) {
      // What the server shows to whoever asks it directly: so that this test is about something.
      if (!/^(copy|explain)/.test(text)) assert.ok(SECRETS.test(JSON.stringify((await direct.query(text)).rows)), text);
      const result = await client.query(text).catch((error: Error) => error);
      if (result instanceof Error) assert.doesNotMatch(result.message, /does not exist|syntax/, text);
      assert.ok(!SECRETS.test(seen()), text);
    }
    assert.match(seen(), /########/);
    await client.end();
  });

  test('are no reason to hide anything else', async () => {
    const { client } = await connect();
    for (const [text, shown] of [
      ['select id, name from contacts order by id limit 1', [1, 'Ada']],
      ['select number from notes order by 1 limit 1', [1]],
      ['select total, id from app.joined order by id limit 1', [10, 1]],
      ['select plus_one(41)', [42]],
      ['select * from plus_one(41)', [42]],
      ['select total_of(1)::int', [10]],
      ['select * from names_only() order by 1 limit 1', ['Ada']],
      ['select x from names_only() as t(x) order by 1 limit 1', ['Ada']],
      ['select * from order_rows() order by id limit 1', [1, 1, 10]],
      ['select number from all_notes() order by 1 limit 1', [1]],
      ['select who from out_note()', ['Ada']],
      ['select id from people', [1]],
      ['select count(*)::int from contacts', [2]],
      ["select id from contacts where note = 'sentinel-1'", [1]],
      ['select o.total from orders o order by 1 limit 1', [10]],
      ["select tablename, attname from pg_stats where tablename = 'orders' and attname = 'total'", ['orders', 'total']],
    ] as const) {
      const { rows } = await client.query({ text, rowMode: 'array' });
      assert.deepEqual(rows[0], shown, text);
    }
    await client.end();
  });

  test('keep what shows them under its name', async () => {
    const { client } = await connect();
    for (const text of [
      'alter view contacts rename to others',
      'alter view contacts rename column note to other',
      'alter view contacts set schema app',
      'alter function one_note(int) rename to other_note',
      'alter function one_note(int) set schema app',
      'create view again as select note as x from contacts',
      'create table copied as select low as x from kept',
      'select mail as x into copied from people',
      'create function again() returns text language sql as $$ select note from contacts $$',
      'create function again() returns text language sql as $$ select one_note(1) $$',
      "do $$ begin raise notice '%', (select note from contacts limit 1); end $$",
      'insert into orders (id, total) select id, length(note) from contacts',
    ])
      await assert.rejects(client.query(text), /would take the values of a masked column away/, text);
    await client.end();
  });

  test('are followed through what a session makes, at once, and through what is made elsewhere when the time of what was read is over', async () => {
    const { client, seen } = await connect();
    await client.query('select 1');
    const other = await connect(await lab.access(database));
    // This one has no rules, but it is heard at the same agent.
    await other.client.query('create view made_elsewhere as select email as x from users');
    await client.query('select x from made_elsewhere');
    assert.doesNotMatch(seen(), SECRETS);
    await other.client.query('begin');
    await other.client.query('create view made_in_transaction as select email as x from users');
    await client.query('select 1');
    await other.client.query('commit');
    await client.query('select x from made_in_transaction');
    assert.doesNotMatch(seen(), SECRETS);
    await other.client.end();
    await client.end();
  });

  test('A12: are looked for with nothing of the client in it', async () => {
    const { host, port, connection: user, secret: password } = access;
    const client = new pg.Client({ host, port, user, password, database, options: '-c search_path=app -c statement_timeout=1ms' });
    await client.connect();
    // On a busy machine this itself may take longer than it may.
    const unhurried = (): Promise<boolean> =>
      client.query('set statement_timeout = 0').then(
        () => true,
        () => false,
      );
    await until('the client has time', unhurried);
    const { rows } = await client.query('select who from joined limit 1');
    assert.equal(rows[0].who, '########');
    await client.end();
  });

  test('A35: hide whatever is not plain to see while the target does not tell, and the record says so', async () => {
    // Of other settings, of which nothing was read before.
    const own = await lab.access(database, undefined, { SSLMODE: 'prefer' });
    await rule(own, 'unread', ['users.email']);
    await lab.postgres.sql('revoke execute on function pg_catalog.pg_get_viewdef(oid) from public', database);
    await lab.postgres.sql('alter user trusted nosuperuser');
    try {
      const { client, seen } = await connect(own);
      const { rows } = await client.query('select id, note from contacts order by 1');
      assert.deepEqual(Object.values(rows[0]), [null, '########']);
      assert.equal((await client.query('select 1 + 1 as x')).rows[0].x, 2);
      assert.doesNotMatch(seen(), SECRETS);
      await client.end();
      const [first] = await lab.actions(own, 2);
      assert.deepEqual([first?.verdict, first?.rule], ['allow', 'column masking']);
      assert.match(first?.message ?? '', /What is at the target cannot be read/);
    } finally {
      await lab.postgres.sql('grant execute on function pg_catalog.pg_get_viewdef(oid) to public', database);
      await lab.postgres.sql('alter user trusted superuser');
    }
  });
});
