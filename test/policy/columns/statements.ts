/** What a masked value is, and everything that is made of it here, has one of these words in it. */
export const SECRETS = /sentinel|lenitnes|73656e74696e656c|c2VudGluZWw/i;

/** Tables with hidden columns, and without. */
export const TABLES = [
  'create table users (id int, name varchar(50), email varchar(50), phone varchar(50))',
  "insert into users values (1, 'Ada', 'sentinel-1', 'sentinel-2'), (2, 'Bob', 'sentinel-3', 'sentinel-4')",
  'create table orders (id int, user_id int, total int)',
  'insert into orders values (1, 1, 10), (2, 2, 20)',
];

/** Statements that both kinds of server understand, each with an attempt to see a hidden column under another name. */
export const COMMON = `
select id, email x, phone y from users
select u.email as name, u.name as b from users u
select lower(email) a, upper(phone) b, reverse(email) c, concat(id, email) d from users
select case when id = 1 then email else phone end a, coalesce(null, email) b, nullif(email, '') c from users
select cast(email as char(20)) a, trim(both from email) b, substring(email from 1 for 8) c from users
select max(email) a, min(phone) b, count(email) c from users
select *, email x from users
select u.*, o.total, u.phone x from users u join orders o on o.user_id = u.id
select * from users u left join orders o on u.id = o.user_id order by u.id
select * from (select id, email e from users) q
select q.a x, q.e y from (select name a, email e from users where email like 's%') q
with q as (select email e from users) select e x from q
with q(a, b) as (select id, email from users), r as (select b c from q) select c x from r
with recursive t(a, b) as (select id, email from users where id = 1 union all select t.a + 1, u.email from t join users u on u.id = t.a + 1) select a, b from t
with recursive t(a, b) as (select name, name from users union select b, email from t cross join users) select a x, b y from t
with users as (select id, phone p from users) select p x from users
select id x, name y from users union all select id, email from users
select email x, 1 y from users union select name, 2 from users
select name x from users except select email from users
(select email x from users limit 1) union all (select phone from users limit 1)
select (select email from users where id = 1) x, (select max(id) from users) y
select (select u.email) x from users u
select o.total, (select u.phone from users u where u.id = o.user_id) x from orders o
select x from (select max(phone) x from users group by id) q
select first_value(email) over (order by id) x, lag(phone) over (order by id) y, row_number() over (order by email) z from users
select distinct email x from users order by 1
select id from users where email = 'sentinel-1'
select email = 'sentinel-1' x, email is null y from users
select u.email x, v.email y from users u cross join users v
select a.x from (select b.y x from (select c.z y from (select email z from users) c) b) a
`;

export const POSTGRES = `
select l.e x from users u join lateral (select u.email e) l on true
select a, b from (select id, phone from users) q(a, b)
select email::text x, email || phone y, encode(email::bytea, 'hex') z, encode(email::bytea, 'base64') w from users
select array_agg(email) x, string_agg(phone, ',') y, json_agg(email) z from users
select u from users u
select u::text x, row_to_json(u) y, to_jsonb(u) z, row(u.*) w from users u
select u.row_to_json x, u.to_json y, u.concat z from users u
select email(u) x, phone(u) y from users u
select (u).email x, (u).* from users u
select row_to_json(q) x from (select id, email e from users) q
select json_object_agg(id, u) x from users u
select x from users u, unnest(array[u.email, u.phone]) as t(x)
select r.v x from users u, json_each_text(row_to_json(u)) as r(k, v)
select * from users u(a, b, c, d)
select c from users as u(a, b, c, d)
select * from users as u(a)
select j.c from (users u join orders o on o.user_id = u.id) as j(a, b, c)
table users
values (1, (select email from users limit 1)), (2, 'x')
select column2 x from (values (1, (select email from users limit 1))) v
select array(select email from users) x, (array(select phone from users))[1] y
select xmlelement(name e, email) x, xmlforest(phone as p) y from users
select query_to_xml('select * from users', true, true, '') x
select table_to_xml('users', true, true, '') x
select format('%s', email) x, quote_literal(phone) y, regexp_replace(email, 'x', 'y') z from users
select percentile_disc(0.5) within group (order by email) x, mode() within group (order by phone) y from users
with q as (update users set name = name returning email as e) select e from q
update users set name = name returning phone x, id
delete from orders using users u where false returning u
insert into users values (3, 'Eve', 'sentinel-5', 'sentinel-6') returning *
insert into users values (3, 'Eve', 'sentinel-5', 'sentinel-6') returning email x, users
with recursive t as (select email e, 1 n from users union all select e, n + 1 from t where n < 2) search depth first by e set o select o x from t
with recursive t as (select email e from users union select e from t) cycle e set c using p select p x from t
declare c cursor with hold for select id, email x from users
fetch all from c
prepare p as select phone x, id from users
execute p
select most_common_vals::text x, histogram_bounds::text y from pg_stats where tablename = 'users'
select s::text x from pg_stats s where tablename = 'users'
select t.x from (select (select array_agg(email) from users) as x) t
select * from rows from (unnest(array(select email from users)), generate_series(1, 2)) as t(a, b)
select jsonb_path_query(to_jsonb(u), '$.*') x from users u
select l.f x from (select id, email as e from users) q, lateral (select q.e f) l
select count(*) filter (where email > '') x, max(email) filter (where true) y from users
select * from users natural join orders
select x.id, x.email e from users u join users v using (id, email) as x
explain analyze verbose select email from users where email = 'x'
`;

export const MARIADB = `
select if(1, email, phone) x, ifnull(email, phone) y, hex(email) z, to_base64(phone) w from users
select group_concat(email) x, json_arrayagg(phone) y from users
select json_object('k', email) x, json_extract(json_object('k', phone), '$.k') y from users
select binary email, convert(phone using utf8mb4) from users
select elt(1, email) x, field(email, 'x') y, insert(phone, 1, 0, '') z from users
select sql_calc_found_rows straight_join email x from users
select/**/email/**/x from/**/users
select email 'x', phone "y" from users
select max(email) x from users group by id with rollup
select upper(email) from users
select \`upper(email)\` from (select upper(email) from users) q
insert into users values (3, 'Eve', 'sentinel-5', 'sentinel-6') returning *, email x
delete from users where id = 3 returning phone x
prepare p from 'select id, email x from users'
execute p
execute immediate 'select phone x from users'
values (1, (select email from users limit 1))
handler users open
handler users read first
select email + 0 x from users
show warnings
analyze select email from users where email = 'x'
describe users
select * from users procedure analyse()
select j.a from users u, json_table(json_array(u.email), '$[*]' columns (a varchar(50) path '$')) j
`;

/** One statement a line. */
export function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}
