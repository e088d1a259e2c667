import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { check, judged, masks, shown } from '../testing/shown.ts';

const mysql = (cases: readonly string[]): Promise<void> => check(cases, 'mysql');

describe('columns of MySQL, by words', () => {
  test('are hidden by their names, and what they are called does not help', () =>
    mysql([
      'select id, email from users | id email | -x',
      'select email as x, name y from users | x y | x-',
      'select email x from users | x | x',
      "select email 'x', id 'y' from users | x y | x-",
      'select `email` as `x` from `users` | x | x',
      'select `u`.`email` x from `users` as `u` | x | x',
      'select EMAIL AS X from USERS | X | x',
      'select db.users.phone x from db.users | x | x',
      'select u.phone x, o.phone y from users u join orders o on u.id = o.id | x y | x-',
      'select phone x from orders | x | -',
      'select phone x from orders o join users u using (id) where u.id = 1 | x | x',
      'select salary x from hr.people | x | x',
      'select salary x from hr.teams | x | -',
      'select id as email from users | email | x',
      'select distinct email x from users | x | x',
      'select sql_calc_found_rows high_priority email x from users | x | x',
      'select straight_join u.email x from users u | x | x',
      'select 1, now(), @@version | 1 now() @@version | ---',
      'select id from users where email = ? order by email limit 5 | id | -',
      "select id from users where email like 'a%' group by id having count(email) > 1 | id | -",
      'select id from users partition (p0) u use index (i) where u.id = 1 for update | id | -',
      'select/**/email/**/x from/**/users | x | x',
      'select /*!50000 email */ x from users | x | x',
      'select email x from users -- comment | x | x',
      'table users | id email | -x',
    ]));

  test('are hidden whatever is made of them', () =>
    mysql([
      'select lower(email) x, substr(email, 1, 3) y, reverse(email) z from users | x y z | xxx',
      'select lower(email) from users | lower(email) | x',
      'select concat(id, email) x, concat_ws(1, email) y, hex(email) z from users | x y z | xxx',
      "select email = 'a' x, email in ('a') y, -email z from users | x y z | xxx",
      'select case when email is null then 1 else email end x from users | x | x',
      'select if(id = 1, email, null) x, ifnull(name, email) y, coalesce(name, email) z from users | x y z | xxx',
      'select cast(email as char(3)) x, convert(email using utf8mb4) y, binary email z from users | x y z | xxx',
      'select binary email, not email, email collate utf8mb4_bin from users | a b c | xxx',
      'select group_concat(email) x, max(email) y, count(email) z from users | x y z | xx-',
      'select count(distinct email) x, count(*) y from users | x y | --',
      'select json_arrayagg(email) x, json_object(1, email) y from users | x y | xx',
      'select first_value(email) over w x, row_number() over (order by email) y from users window w as (order by id) | x y | xx',
      "select email -> '$.a' x, email ->> '$' y from users | x y | xx",
      'select length(email) + 0 x, md5(email) y, sha2(email, 256) z from users | x y z | xxx',
      'select id + 1 x, upper(name) y from users | x y | --',
      'select load_file(1) x | x | x',
    ]));

  test('are found behind a star', () =>
    mysql([
      'select * from users | id email PHONE | -xx',
      'select u.* from users u | id phone | -x',
      'select *, email x from users | id name x | --x',
      'select * from orders | id phone | --',
      'select id, u.*, o.*, 1 from users u, orders o | id id phone total 1 | --x--',
      'select db.users.* from db.users | id phone | -x',
      'select * from (users u join orders o on true) left join (select email e from users) q on true | id e | -x',
      'select * from users natural join orders | phone | x',
      'select * from users | 2 | xx',
    ]));

  test('are followed through queries inside queries', () =>
    mysql([
      'select e x from (select email e from users) q | x | x',
      'select q.e x, q.id y from (select id, email as e from users) as q | x y | x-',
      'select a x, b y from (select id, email from users) q (a, b) | x y | -x',
      'select * from (select * from (select email e, id from users) a) b | e id | x-',
      'with q as (select email e from users) select e x from q | x | x',
      'with q (a, b) as (select id, email from users), r as (select b c from q) select c x from r | x | x',
      'with recursive t (a, b) as (select id, email from users union all select a + 1, b from t) select a x, b y from t | x y | -x',
      'with recursive t (a, b) as (select id, id from users union all select b, email from t, users) select a x, b y from t | x y | xx',
      'with users as (select id, phone p from users) select p x from users | x | x',
      'with users as (select 1 email) select email x from users | x | -',
      'select id x from users union select email from users | x | x',
      'select email x, id y from users union all select id, name from users order by 1 limit 2 | x y | x-',
      '(select id x from users) union (select email from users) | x | x',
      '(select email x from users limit 1) order by x | x | x',
      'select * from orders union all select * from users | id total | xx',
      'select (select email from users limit 1) x, (select max(id) from users) y | x y | x-',
      'select exists (select email from users) x, 1 in (select email from users) y | x y | -x',
      'select (select u.phone) x from users u | x | x',
      'select l.e x from users u, lateral (select u.email e) l | x | x',
      "select j.a x from users u, json_table(u.email, '$[*]' columns (a int path '$')) j | x | x",
      'values row(1, (select email from users)) | column_0 column_1 | -x',
      'select id from users where id in (select id from (select id, email e from users) q where e = ?) | id | -',
      'select x from (select group_concat(email) x from users) q | x | x',
    ]));

  test('are hidden in what a change returns, and shown in plans', () =>
    mysql([
      'insert into users (id) values (1) returning id, email x | id x | -x',
      'delete from users where id = 1 returning * | id phone | -x',
      'replace into users (id) values (1) returning phone x | x | x',
      'explain select email from users | id select_type | --',
      'explain analyze select email from users | EXPLAIN | x',
      'explain format=json select id from orders | EXPLAIN | -',
      'select trace x, query y from information_schema.optimizer_trace | x y | x-',
      'select u.phone x from users for system_time as of now() u | x | x',
      'describe users | Field Type | --',
      'show tables | Tables | -',
      'show warnings | Level Code Message | --x',
      'handler users read first | id email | -x',
      'call p(1) | id email | -x',
      "execute immediate 'select email x from users' | x | x",
      'execute nobody | x | x',
      'select histogram x, table_name y from information_schema.column_statistics | x y | x-',
    ]));

  test('are hidden where the list of tables, or a procedure, is not understood', async () => {
    for (const text of [
      'select u.phone x from { oj users u left join a on true }',
      'select email from users procedure analyse()',
      'select 1 from a b c',
    ]) {
      const { answer } = await judged(text, masks('mysql'));
      assert.equal(shown(answer, ['x']), 'x', text);
    }
  });

  test('are known by the name of a prepared statement', async () => {
    const session = masks('mysql');
    await judged("prepare p from 'select id, email e from users'", session);
    assert.equal(shown((await judged('execute p', session)).answer, ['id', 'e']), '-x');
    assert.match((await judged('prepare p from @text', session)).denial?.message ?? '', /runs a text that cannot be read/);
  });

  test('are hidden where they come from, whatever view they come through', async () => {
    const { answer } = await judged('select a, b from v', masks('mysql'));
    const origin = { schema: 'db', table: 'users' };
    const hides = answer?.hides?.([
      { name: 'a', origin: { ...origin, column: 'phone' } },
      { name: 'b', origin: { ...origin, column: 'id' } },
    ]);
    assert.deepEqual([typeof hides?.[0], typeof hides?.[1]], ['function', 'undefined']);
  });
});

describe('a statement of MySQL that takes values away from their name', () => {
  const isDenied = async (text: string): Promise<boolean> => (await judged(text, masks('mysql'))).denial !== undefined;

  test('is denied, whatever it is', async () => {
    for (const text of [
      'create table t as select email x from users',
      'create table t select * from users',
      'create table t (id int) select phone p from users',
      'create or replace view v as select lower(email) from users',
      'create view v (a) as select email from users',
      'insert into t select email from users',
      'insert into t (a, b) select id, email from users',
      'insert into t set a = (select email from users)',
      'insert into t (a) values ((select email from users limit 1))',
      'insert into t (a) with q as (select email e from users) select e from q',
      'replace into t table users',
      'insert into users (id) values (1) on duplicate key update name = email',
      'update users set name = email',
      'update t join users u on true set t.a = u.phone',
      'select email into @x from users',
      "select * from users into outfile '/tmp/x'",
      'select @x := email from users',
      'set @x = (select email from users limit 1)',
      'alter table users rename column email to x',
      'alter table users change email x text',
      'alter table users add x text as (lower(email))',
      'alter table users add x varchar(50) default (email)',
      'alter table users add x varchar(50) default lower(email) not null after name',
      'alter table users alter column name set default (email)',
      'create table t (email text, x text default (upper(email)))',
      'alter table users rename to t',
      'rename table users to t',
      'create procedure p() select email from users',
      'create trigger t before insert on users for each row set new.name = new.email',
      'get diagnostics condition 1 @x = message_text',
      'select last_insert_id(phone) from users',
      "load data infile 'x' into table t (a) set b = (select email from users limit 1)",
      'alter table users exchange partition p with table t',
      'alter table t exchange partition p with table users',
      'create table m (id int, x text) engine=merge union=(users)',
      "create table f (x text) engine=federated connection='mysql://h/d/users'",
      'create event e on schedule every 1 day do insert into t table users',
      'set names gbk',
      'set statement max_statement_time = 1 for insert into t select email from users',
    ])
      assert.equal(await isDenied(text), true, text);
  });

  test('passes where they keep a name that is hidden, or where there are none', async () => {
    for (const text of [
      'create table t as select id, email from users',
      'create table t (id int, email text)',
      "alter table users add x int default 0 not null comment 'x' after email",
      'alter table users add check (email is not null)',
      'insert into t (a, email) select id, email from users',
      "insert into users (id, email) values (1, 'a@b.c'), (2, ?)",
      'insert into users (id, email) values (1, ?) on duplicate key update email = values(email)',
      'insert into users (id, name) values (1, 2) as new on duplicate key update name = new.name',
      'update users set email = lower(email), name = ? where email = ?',
      'delete from users where email = ?',
      'delete u from users u join t on t.id = u.id',
      'alter table users add column x int, add index (email)',
      'alter table users change email email varchar(100)',
      'set @x = 1, autocommit = 1',
      'set names utf8mb4',
      'begin',
      'start transaction',
      'use db',
      'drop table t',
      'truncate t',
      'create index i on users (email)',
      'create database d',
      'create procedure p() select id from orders',
      'lock tables users read',
      "load data local infile 'x' into table users",
      "load data local infile 'x' into table users character set utf8mb4 (id, email, @n) set name = @n, email = lower(@n)",
    ])
      assert.equal(await isDenied(text), false, text);
  });

  test('is hushed where an error may quote it', async () => {
    const hushes = async (text: string): Promise<boolean> => (await judged(text, masks('mysql'))).answer?.hushes === true;
    for (const text of [
      'select email + 0 from users',
      'update users set id = 1',
      'call p()',
      'alter table users modify email int',
      'alter table users add unique (email)',
      'create unique index i on users (email)',
    ])
      assert.equal(await hushes(text), true, text);
    for (const text of ['select 1', 'select id from orders', 'show tables']) assert.equal(await hushes(text), false, text);
  });
});
