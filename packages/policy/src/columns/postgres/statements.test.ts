import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { columnRulesOf, compileColumnMasks } from '../masks.ts';
import { check, judged, masks, shown } from '../testing/shown.ts';

describe('columns of other statements', () => {
  test('are hidden in what a change returns', () =>
    check([
      'insert into users (id, email) values (1, $1) returning id, email as x | id x | -x',
      'insert into users values (1) returning * | id email phone | -xx',
      'insert into users as u values (1) returning u.phone as x | x | x',
      'update users set name = $1 where id = 1 returning email as x, name | x name | x-',
      'update orders o set total = 1 from users u where u.id = o.user_id returning u.phone as x, o.phone as y | x y | x-',
      'update orders set total = 1 from users u returning * | id total phone | --x',
      'delete from users returning lower(email) as x | x | x',
      'delete from orders using users u returning u as x | x | x',
      'merge into orders o using users u on o.id = u.id when matched then delete returning merge_action() as a, u.email as x, o.id | a x id | -x-',
      'update users set name = $1 returning old.email as x, new.phone as y, new.id | x y id | xx-',
      'update users set name = $1 returning with (old as o, new as n) o.phone as x, n.id as y | x y | x-',
      'update users set name = $1 returning old.* | id phone | -x',
      'insert into users (id) values (1) on conflict (id) do update set name = excluded.name returning email as x | x | x',
      'delete from users where email = $1 returning id | id | -',
    ]));

  test('are hidden in a COPY, which has no names', () =>
    check([
      'copy users (id, email, phone) to stdout | 3 | -xx',
      'copy users to stdout | 2 | xx',
      'copy (select id, email as x from users) to stdout | 2 | -x',
      'copy (select * from users) to stdout with (format csv) | 2 | xx',
      'copy orders (id, phone) to stdout | 2 | --',
      'copy public.users (phone) to stdout (format binary) | 1 | x',
      'copy (update users set name = $1 returning email) to stdout | 1 | x',
      'copy (values (1, 2)) to stdout | 2 | --',
      'copy users (id) to stdout | 2 | xx',
    ]));

  test('show plans and settings', () =>
    check([
      'explain select email from users | QUERY_PLAN | -',
      'explain (analyze, verbose) select email from users | QUERY_PLAN | -',
      'show search_path | search_path | -',
      'show all | name setting description | ---',
      "select set_config('a.b', 'c', false) as x | x | -",
      "select current_setting('a.b') as x | x | -",
    ]));

  test('are all hidden where a function reads what it is not given', () =>
    check([
      "select query_to_xml('select email from users', true, true, '') as x, 1 as y | x y | x-",
      "select table_to_xml('users', true, true, '') as x | x | x",
      'select most_common_vals as x, null_frac as y from pg_stats | x y | x-',
      'select histogram_bounds::text as x from pg_catalog.pg_stats | x | x',
      'select s as x from pg_stats s | x | x',
      "select pg_read_file('x') as x | x | x",
    ]));

  test('are all hidden where there are more or fewer than the statement says', async () => {
    const { answer } = await judged('select id from users');
    assert.equal(shown(answer, ['id', 'name']), 'xx');
    assert.equal(shown(answer, 0), '');
    const { answer: none } = await judged('update users set name = $1');
    assert.equal(shown(none, ['surprise']), 'x');
  });

  test('are told apart by how many there are, in a text of several statements', async () => {
    const { answer } = await judged('select id, email as x from users; select 1 as a, 2 as b, 3 as c; begin');
    assert.equal(shown(answer, ['id', 'x']), '-x');
    assert.equal(shown(answer, ['a', 'b', 'c']), '---');
    assert.equal(shown(answer, ['a']), 'x');
    const { answer: same } = await judged('select 1 as a, 2 as b; select id as c, email as d from users');
    assert.equal(shown(same, ['a', 'b']), '--');
    assert.equal(shown(same, ['c', 'd']), '-x');
    assert.equal(shown(same, 2), '-x');
    const { answer: older } = await judged('select extract(epoch from email::timestamp) from users; select 1 as date_part');
    assert.equal(shown(older, ['date_part']), 'x');
  });
});

describe('what a session prepared or declared', () => {
  test('is known by its name', async () => {
    const session = masks();
    await judged('prepare p (int) as select id, email as e from users where id = $1', session);
    assert.equal(shown((await judged('execute p(1)', session)).answer, ['id', 'e']), '-x');
    await judged('begin; declare c cursor for select name as n, phone as p from users', session);
    assert.equal(shown((await judged('fetch 10 from c', session)).answer, ['n', 'p']), '-x');
    assert.equal(shown((await judged('fetch all in c', session)).answer, 2), '-x');
    const { answer } = await judged('declare d cursor for select id as i from users; fetch d', session);
    assert.equal(shown(answer, ['i']), '-');
  });

  test('is hidden whole where nobody knows it, and as it ever was where it changed', async () => {
    const session = masks();
    assert.equal(shown((await judged('execute nobody', session)).answer, ['id', 'name']), 'xx');
    await judged('prepare p as select id as x from users', session);
    await judged('prepare p as select email as x from users', session);
    assert.equal(shown((await judged('execute p', session)).answer, ['x']), 'x');
    await judged('declare c cursor for select email as a from users', session);
    await judged('declare c cursor for select id as b from users', session);
    assert.equal(shown((await judged('fetch c', session)).answer, ['b']), '-');
    assert.equal(shown((await judged('fetch c', masks())).answer, ['b']), 'x');
  });

  test('is hidden whole once there is too much of it', async () => {
    const session = masks();
    await judged('prepare p as select id from users', session);
    assert.equal(shown((await judged('execute p', session)).answer, ['id']), '-');
    for (let at = 0; at < 1_001; at++) await judged(`prepare p${at} as select id from users`, session);
    assert.equal(shown((await judged('execute p', session)).answer, ['id']), 'x');
  });

  test('may be what the protocol prepared under the same name', async () => {
    const session = masks();
    await judged('prepare p as select id as x from users', session);
    assert.equal(shown((await judged('execute p', session)).answer, ['x']), '-');
    await judged('select email as x from users', session, 'parse');
    assert.equal(shown((await judged('execute p', session)).answer, ['x']), 'x');
  });
});

const taken = (what: string): string =>
  `Blocked by a data masking rule: ${what} would take the values of a masked column away from its name. Leave that column out`;

describe('a statement that takes values away from their name', () => {
  const isDenied = async (what: string, texts: readonly string[]): Promise<void> => {
    for (const text of texts) assert.equal((await judged(text)).denial?.message, taken(what), text);
  };

  test('is denied, whatever the statement is', async () => {
    await isDenied('CREATE TABLE AS', [
      'create table t as select email as x from users',
      'create table t as select * from users',
      'create temp table t (a, b) as select id, email from users',
      'create table t as table users',
      'create table t as select u from users u',
      'explain analyze create table t as select email as x from users',
    ]);
    await isDenied('CREATE VIEW', [
      'create view v as select lower(email) from users',
      'create or replace temp view v (a) as select email from users',
    ]);
    await isDenied('CREATE MATERIALIZED VIEW', ['create materialized view v as select phone from users']);
    await isDenied('SELECT INTO', ['select email as x into t from users', 'select * into temp t from users']);
    await isDenied('INSERT', [
      'insert into t select email from users',
      'insert into t (a, b) select id, email from users',
      'insert into t (a) values ((select email from users limit 1))',
      'with q as (select email as e from users) insert into t (a) select e from q',
      'with q as (insert into t (a) select email from users) select 1',
    ]);
    await isDenied('UPDATE', [
      'update users set name = email',
      'update t set (a, b) = (select id, email from users)',
      'update t set a = u.phone from users u',
      'insert into users (id, email) values (1, $1) on conflict (id) do update set name = excluded.email',
      'merge into t using users u on true when matched then update set a = u.email',
    ]);
    await isDenied('MERGE', ['merge into t using users u on true when not matched then insert (a) values (u.email)']);
    await isDenied('COPY to a file or a program', ["copy users to '/tmp/x'", "copy (select email from users) to program 'cat'"]);
    await isDenied('RENAME COLUMN', ['alter table users rename column email to x', 'alter view v rename column email to x']);
    await isDenied('RENAME', ['alter table users rename to t', 'alter schema hr rename to x']);
    await isDenied('SET SCHEMA', ['alter table hr.people set schema x']);
    await isDenied('A parent of this table', ['alter table users inherit t', 'alter table t attach partition users default']);
    await isDenied('The column x', [
      'alter table users add column x text generated always as (lower(email)) stored',
      'alter table users alter column x type text using email',
      'create table t (email text, x text generated always as (email) stored)',
    ]);
  });

  test('is denied where a function keeps or sends them', async () => {
    await isDenied('set_config()', [
      "select set_config('a.b', email, false) from users",
      "select 1 from users where set_config('a.b', email, false) > ''",
    ]);
    await isDenied('pg_notify()', ["select pg_notify('c', email) from users"]);
    await isDenied('lo_from_bytea()', ['select lo_from_bytea(0, email::bytea) from users']);
    await isDenied('What has a body', [
      "do $$ begin raise notice '%', (select email from users limit 1); end $$",
      "create function f() returns setof text language sql as 'select email from users'",
      'create function f() returns setof text language sql begin atomic select email from users; end',
      'create function f() returns trigger language plpgsql as $$ begin new.name := new.email; return new; end $$',
      'create rule r as on insert to t do also insert into u values (new.email)',
      'create function f() returns setof users language plpgsql as $$ begin return query select u.* from users u; end $$',
      "create function f() returns json language sql as 'select row_to_json(u) from users u'",
      "create function f(int) returns text language sql as 'select ($1::text::users).email'",
    ]);
    const { denial } = await judged("do $$ begin execute 'select ' || x; end $$");
    assert.match(denial?.message ?? '', /Columns are masked here, and EXECUTE runs a text that is put together/);
  });

  test('is denied where it gives a row, or a foreign table, another name', async () => {
    await isDenied('A function of a row', [
      "create function f(users) returns json language sql as 'select row_to_json($1)'",
      "create function f(u public.users) returns text language sql as 'select $1::text'",
      "create function f(anyelement) returns text language sql as 'select $1::text'",
    ]);
    await isDenied('A foreign table', [
      "create foreign table t (x text) server s options (table_name 'users')",
      'import foreign schema s from server t into u',
    ]);
  });

  test('passes where they keep a name that is hidden, or where there are none', async () => {
    for (const text of [
      'create table t as select id, name from users',
      'create table t as select email from users',
      'create table t (a, email_2) as select id, email from users',
      'create view v as select id, email from users',
      'insert into t (a, b) select id, name from users',
      'insert into t (a, email) select id, email from users',
      'insert into users (id, email) values ($1, $2)',
      "insert into users values (1, 'a@b.c')",
      'update users set email = lower(email) where id = 1',
      'update users set name = $1 where email = $2',
      'delete from users where email = $1',
      'merge into users u using t on t.id = u.id when matched then update set email = t.email when not matched then insert (email) values (t.email)',
      'alter table users rename column name to x',
      'alter table users rename column email to work_email',
      'alter table orders rename to x',
      'create index on users (email)',
      'create table t (id int, email text)',
      'create function f(a int) returns int language sql as $$ select a + 1 $$',
      "copy orders (id) to '/tmp/x'",
      'do $$ begin perform count(*) from orders; end $$',
      'alter table users add column x int default 1',
      'grant select on users to a',
      'vacuum users',
    ])
      assert.equal((await judged(text)).denial, undefined, text);
  });
});

describe('what cannot be understood', () => {
  test('shows nothing of its answer', async () => {
    for (const text of ['selekt 1', 'select email from', '/* not closed', `select ${'('.repeat(3_000)}1${')'.repeat(3_000)}`]) {
      const { answer, denial } = await judged(text);
      if (!denial) {
        assert.equal(shown(answer, ['a', 'b']), 'xx', text);
        assert.equal(answer?.hushes, true);
      }
    }
  });

  test('is denied where it may keep something elsewhere', async () => {
    for (const text of [
      'create table t distkey(a) as select email from users',
      'select \0 email into t from users',
      String.raw`select 'a\' || email as x from users --'`,
      'insert into t \0 select email from users',
      "set client_encoding to 'sjis'",
      'set standard_conforming_strings = off',
      "select set_config('standard_conforming_strings', 'off', false)",
      "select set_config($1, 'off', false)",
      'alter role app set client_encoding to sjis',
      "select a as x from dblink('', 'select email from users') as t(a text)",
      "select dblink_exec('dbname=app', 'create table t as select email as x from users')",
      "select cron.schedule('* * * * *', 'insert into t select email from users')",
    ])
      assert.match((await judged(text)).denial?.message ?? '', /Columns are masked here/, text);
  });

  test('passes as rows that are brought in by hand, however many', async () => {
    const rows = Array.from({ length: 9_000 }, (_, at) => `(${at}, 'select from', "x"."y")`)
      .join(',')
      .replaceAll('"x"."y"', 'null');
    assert.equal((await judged(`insert into users (id, name, email) values ${rows}`)).denial, undefined);
    assert.ok((await judged(`insert into users (id, name, email) values ${rows}, (1, (select email from users), 2)`)).denial);
  });

  test('is told by a function that is called without SQL', async () => {
    assert.equal(shown((await judged('FUNCTION CALL oid 4711', masks(), 'function')).answer, 1), 'x');
    assert.equal(shown((await judged('FUNCTION CALL loread', masks(), 'function')).answer, 1), '-');
  });
});

describe('errors', () => {
  test('are hushed where they may quote what is hidden', async () => {
    const hushes = async (text: string): Promise<boolean> => (await judged(text)).answer?.hushes === true;
    for (const text of [
      'select email::int from users',
      'select 1 from users where email::int = 1',
      'update users set name = null',
      'insert into users (id) values (1)',
      'select * from users',
      'execute p',
      'call p()',
      'create index on users ((email::int))',
      'create unique index on users (email)',
      'alter table users add unique (email)',
      'alter domain address add check (value::int > 0)',
      'reindex table users',
      'reindex database app',
      'cluster users',
      'vacuum full',
    ])
      assert.equal(await hushes(text), true, text);
    for (const text of ['select 1', 'select id from orders where id = 1', 'begin', 'show all', 'create table t (id int)'])
      assert.equal(await hushes(text), false, text);
  });
});

describe('a value', () => {
  const hide = async (strategy: 'redact' | 'partial' | 'hash' | 'token' | 'null', text: string, value: string): Promise<string | null> => {
    const session = compileColumnMasks(columnRulesOf([{ columns: ['email'], strategy, keep: 4 }]), 'postgres');
    const counts = {};
    const { answer } = await session.judge({ seq: 1, text, via: 'query' });
    const given = answer?.hides?.([{ name: 'x' }])?.[0]?.(Buffer.from(value), counts) ?? null;
    assert.deepEqual(counts, { COLUMN: 1 });
    return given === null ? null : given.toString();
  };

  test('is shown as the rule says', async () => {
    const text = 'select email as x from users';
    assert.equal(await hide('redact', text, 'ada@example.com'), '########');
    assert.equal(await hide('partial', text, 'ada@example.com'), '###########.com');
    assert.match((await hide('token', text, 'ada@example.com')) ?? '', /^COLUMN_[0-9a-f]{12}$/);
    assert.match((await hide('hash', text, 'ada@example.com')) ?? '', /^[0-9a-f]{32}$/);
    assert.equal(await hide('null', text, 'ada@example.com'), null);
    assert.equal(await hide('token', text, 'a'), await hide('token', 'select email::text as x from users', 'a'));
  });

  test('that is made of one shows less: a client chooses how it is made', async () => {
    const text = 'select substr(email, 1, 8) as x from users';
    for (const strategy of ['redact', 'partial', 'token', 'hash'] as const)
      assert.equal(await hide(strategy, text, 'ada@exam'), '########');
    assert.equal(await hide('null', text, 'ada@exam'), null);
  });
});
