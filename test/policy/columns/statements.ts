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
select u.to_jsonb from users u
select (u).to_json as x from users u
select u.json_agg as x from users u
select u.array_agg as x from users u
select u.json_build_array as x from users u
select u.quote_nullable as x from users u
select u.record_out as x from users u
select record_out(u) as x from users u
select record_send(u)::text as x from users u
select u.record_send as x from users u
select encode(record_send(u), 'escape') as x from users u
select textin(record_out(u)) as x from users u
select query_to_xml('select em' || 'ail from users', true, true, '') as x
select schema_to_xml('public', true, true, '') as x
select database_to_xml(true, true, '') as x
select x.value as x from users u, jsonb_each_text(to_jsonb(u)) x
select jsonb_path_query_array(jsonb_agg(u), '$[*].email') as x from users u
select json_populate_record(null::orders, json_build_object('id', 1)) as x, (select jsonb_object_agg(id, email) from users) as y
select r.a from users u, jsonb_to_record(to_jsonb(u)) as r(a text, email text)
select r.email as x from users u, jsonb_to_record(to_jsonb(u)) as r(email text)
select r.* from users u, json_to_record(row_to_json(u)) as r(email text, phone text)
select (jsonb_populate_record(null::users, to_jsonb(u))).phone as x from users u
select lead(u) over (order by id) as x from users u
select nth_value(u.*, 1) over () as x from users u
select first_value(row(u.email)) over () as x from users u
select (array_agg(u))[1] as x from users u
select (array_agg(u))[1].email as x from users u
select ((array_agg(u))[1]).phone as x from users u
select unnest(array_agg(email)) as x from users
select regexp_split_to_table(email, '-') as x from users
select regexp_matches(email, '(.*)', 'g') as x from users
select string_to_table(email, '-') as x from users
select to_tsvector('simple', email) as x from users
select ts_headline('simple', email, 'x') as x from users
select lexeme as x from unnest((select to_tsvector('simple', string_agg(email, ' ')) from users))
select word as x from ts_stat('select to_tsvector(''simple'', email) from users')
select token as x from users u, ts_parse('default', email)
select x.token from users u, lateral ts_debug('simple', u.email) x
select convert_to(email, 'UTF8') as x from users
select email::bytea::text as x from users
select overlay(email placing 'x' from 1 for 1) as x from users
select greatest(email, '') as x, least(phone, 'zzz') as y from users
select coalesce(u, u) as x from users u
select nullif(u, null) as x from users u
select case when true then u end as x from users u
select array[u] as x from users u
select row(u, 1) as x from users u
select (row(email, phone)).f1 as x from users
select x.f1 from (select (row(email, phone)) as r from users) q, lateral (select (q.r).f1) x
select (q.r).f2 as x from (select row(email, phone) as r from users) q
select max(row(email)::text) as x from users
select q from (select email as e from users) q
select q::text as x from (select email as e from users) q
select * from (table users) as q(a, b, c, d)
select c from (select * from users) as q(a, b, c, d)
select d from (values (1, 'x', (select email from users limit 1), (select phone from users limit 1))) v(a, b, c, d)
with q(a, b, c, d) as (table users) select c as x, d as y from q
with q as materialized (select email as e from users) select upper(e) as x from q
with recursive r(n, e) as (values (1, '') union all select n + 1, (select email from users where id = n) from r where n < 3) select e as x from r
with recursive r as (select id, email::text as path from users union all select r.id + 1, r.path || '/' || u.phone from r join users u on u.id = r.id + 1 where r.id < 2) select path from r
with a as (select email as e from users), b as (select e as f from a), c as (select f as g from b) select g from c
select (with q as (select email from users limit 1) select * from q) as x
select x from generate_series(1, 2) n, lateral (select (select email from users where id = n) as x) l
select * from (select email from users) as t(x) natural join (select 1 as y) z
select x.y from (users u cross join orders o) as x(a, b, y, z)
select a.b as x from (select email as b from users) a(b)
select j.x from users join lateral (select email as x) j on true
select x from (select id, name as x from users union all select id, phone from users) q
select x from (select name as x from users intersect select email from users union select phone from users) q
select * from (select name from users union select email from users) q
(select name as x from users) union (values ((select email from users limit 1)))
select max(x) from (select email as x from users group by 1) q
select x from (select email as x, grouping(email) as g from users group by cube(email)) q
select percentile_disc(array[0.1, 0.9]) within group (order by email) as x from users
select mode() within group (order by email) as x from users
select x[1] from (select array_agg(email order by id) as x from users) q
select array_to_string(array(select email from users), ',') as x
select array_to_json(array_agg(email)) as x from users
select array_position(array_agg(email), 'x'), cardinality(array_agg(email)) as n, array_agg(email)::text as x from users
select json_object(array_agg(name), array_agg(email)) as x from users
select json_object_agg(email, 1) as x from users
select json_object_keys(json_object_agg(email, 1)) as x from users
select key from (select json_object_agg(email, 1) as j from users) q, json_each_text(q.j)
select xmlserialize(content xmlelement(name e, xmlattributes(email as a)) as text) as x from users
select xmlconcat(xmlelement(name e, email)) as x from users
select xpath('//text()', xmlelement(name e, email)) as x from users
select xmlpi(name php, email) as x from users
select xmlcomment(email) as x from users
select (select string_agg(email, ',') from users) || '' as x
select format('%1$s', email) as x, concat_ws(',', id, email) as y from users
select quote_ident(email) as x, quote_literal(u) as y from users u
select translate(email, 'e', '3') as x, replace(email, 's', 'z') as y, left(email, 8) as z, right(email, 8) as w, repeat(email, 2) as v from users
select email || null as a, email || 'x' as x from users
select email collate "C" as x from users
select email::xml from users
select regexp_replace('x', email, 'y') as a from users
select lpad('', 3, email) as x from users
select json_extract_path_text(row_to_json(u), 'email') as x from users u
select row_to_json(u)->>'email' as x from users u
select to_json(u)->'phone' as x from users u
select (to_jsonb(u) - 'id' - 'name')::text as x from users u
select jsonb_pretty(to_jsonb(u)) as x from users u
select to_jsonb(u) #>> '{email}' as x from users u
select to_jsonb(array(select u from users u)) as x
select json_agg(json_build_object('e', email)) as x from users
select jsonb_set('{}', '{a}', to_jsonb(email)) as x from users
select hashtext(email) as h, md5(email) as x, sha256(email::bytea) as y from users
select * from rows from (json_to_recordset((select json_agg(u) from users u)) as (email text)) as t(x)
select * from json_to_recordset((select json_agg(u) from users u)) as t(id int, phone text)
select x from users u, unnest(string_to_array(u.email, '-')) x
select x.a from users u, lateral (values (u.email), (u.phone)) x(a)
select v.column1 as x from users u, lateral (values (u.email)) v
select s.x from (select email as x from users tablesample system (100)) s
select a.email as x from only users a
select * from users where email in (select email from users) and (select true)
select users from users
select public.users.email as x from public.users
select "users"."email" as x from "public"."users"
select E as x from (select email as e from users) q
select ctid, xmin, email as x from users
select count(*), string_agg(distinct email, ',' order by email) as x from users
select count(distinct email), min(email) filter (where true) as x from users
select last_value(phone) over (partition by email order by id) as x from users
select range_agg(null::int4range), jsonb_object_agg(name, phone) as x from users
select distinct on (email) email as x from users
select email as id from users
select email as name, name as email from users
select 'a' as x union select email from users
select null as x union all select email from users
select email from users limit (select length(email) from users limit 1)
table users limit 1
values ((select users from users limit 1))
select * from (values (1, (select phone from users limit 1))) as t
select row.* from (select (select users from users limit 1) as r) row
select (r).* from (select (select users from users limit 1) as r) q
select (r).email as x from (select users as r from users) q
select r.x from (select users from users) q, lateral (select (q.users).email as x) r
select to_json(q.users) as x from (select users from users) q
select (q).users as x from (select users from users) q
select email(u) as x from users u
select u."email" as x from users u join lateral (select u.phone as "y") z on z.y is not null
select pg_catalog.quote_literal(pg_catalog.lower(email)) as x from users
select email operator(pg_catalog.||) '' as x from users
select timezone(email, now()) from users
select now() at time zone email from users
select substring(email from '#"%#"' for '#') as x, substring(email similar '%' escape '#') as y from users
select substring(email, 's(.*)') as x, position('e' in email) as p, trim(leading 's' from email) as y from users
select is_normalized from (select email is normalized as is_normalized, normalize(email) as x from users) q
select x from (select normalize(email) as x from users) q
select concat(variadic array_agg(email)) as x from users
select json_build_object(variadic array['a', max(email)]) as x from users
select format('%s %s', variadic array[max(email), 'b']) as x from users
select row_number() over (order by email), string_agg(phone, ',') over (order by id) as x from users
select information_schema._pg_expandarray(array(select email::text from users)) as x
select (information_schema._pg_expandarray(array(select email::text from users))).x as y
select array_fill(email, array[2]) as x from users
select width_bucket(email, array['a', 'z']) as b, array_prepend(email, array['a']::varchar[]) as x from users
select x from users u cross join lateral json_array_elements_text(json_build_array(u.email, u.phone)) x
select x -> 'email' as y from (select to_jsonb(users.*) as x from users) q
select (select array_agg(r) from (select email from users) r) as x
select exists(select email from users) as e, array(select row(email) from users) as x
select unnest(array(select email from users)) as x, generate_series(1, 2) as n
select email as "?column?" from users
select email "########" from users
select ''||email||'' as x from users group by email
select string_agg(substr(email, n, 1), '.') as x from users, generate_series(1, 10) n group by id
select substr(email, n, 1) as x, n from users, generate_series(1, 10) n
select ascii(substr(email, n, 1)) as x from users, generate_series(1, 10) n
select email::tsquery from users
select email::"char" as x, email::cstring::text as y from users
select u.jsonb_agg as x from users u
select (u).jsonb_agg as x from users u
select (q.u).json_agg as x from (select u from users u) q
select u.num_nulls as x from users u
select e.json_agg from (select email as z from users) e
select e.array_agg as x from (select email as z from users) e
with e as (select phone as z from users) select e.jsonb_agg as x from e
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
select json_extract('{}', email) as x from users
select json_extract(email, '$') as x from users
select json_value(json_object('a', email), '$.a') as x from users
select json_query(json_object('a', json_object('b', email)), '$.a') as x from users
select json_unquote(json_quote(email)) as x from users
select json_table.x from json_table((select json_arrayagg(email) from users), '$[*]' columns (x varchar(50) path '$')) json_table
select json_keys(json_object(email, 1)) as x from users
select json_objectagg(email, phone) as x from users
select json_detailed(json_array(email)) as x from users
select json_merge_patch('{}', json_object('x', email)) as x from users
select json_search(json_array(email), 'one', '%') as y, json_set('{}', '$.a', email) as x from users
select cast(email as unsigned) as x from users
select email + 0 as x from users
select cast(email as date) as x from users
select st_geomfromtext(email) as x from users
select inet6_aton(email) as x, inet_aton(email) as y from users
select uuid() < email, cast(email as uuid) as x from users
select cast(email as inet6) as x from users
select convert(email, char(30)) as x, convert(email, binary) as y from users
select str_to_date(email, '%Y') as x from users
select makedate(email, 1) as x from users
select format(1, 2, email) as x from users
select exp(email * 1000) from users
select pow(email, 1e300) from users
select ~0 + email from users
select elt(1, email, phone) as x, make_set(1, email) as y, export_set(1, email, 'n', '', 1) as z from users
select hex(email) as x, unhex(hex(email)) as y, to_base64(email) as z, from_base64(to_base64(email)) as w from users
select aes_decrypt(aes_encrypt(email, 'k'), 'k') as x from users
select uncompress(compress(email)) as x, decode(encode(email, 'k'), 'k') as y from users
select des_encrypt(email) as x, md5(email) as y from users
select soundex(email) as x, reverse(email) as y, quote(email) as z from users
select ascii(email) as x, ord(email) as y, conv(hex(email), 16, 10) as z, crc32(email) as w from users
select weight_string(email) as x from users
select regexp_replace(email, 'x', 'y') as x, regexp_substr(email, '.*') as y from users
select email regexp concat('(', email) from users
select column_json(column_create('a', email)) as x from users
select column_get(column_create('a', email), 'a' as char) as x from users
select greatest(email, '') as x, least(phone, 'z') as y, coalesce(email) as z from users
select nvl(email, '') as x, nvl2(email, email, 'x') as y, decode_oracle(email, 'a', 'b', email) as z from users
select lag(email) over (order by id) as x, nth_value(phone, 1) over (order by id) as y from users
select percentile_disc(0.5) within group (order by id) over () as n, median(id) over () as m, max(email) over () as x from users
select group_concat(email order by id separator ';') as x from users
select group_concat(distinct concat(id, email)) as x from users
select * from (select email from users) q
select q.* from (select id, email as e, phone p from users) q
select e from (select email e from users) q where e like 's%'
with q as (select email e from users) select * from q
with q (a, b, c, d) as (select * from users) select c, d from q
with recursive r as (select 1 n, email e from users union all select n + 1, e from r where n < 2) select e as x from r
with recursive r(n, e) as (select 1, cast('' as char(50)) union all select n + 1, (select email from users where id = n) from r where n < 3) select e from r
select x from (select id, name x from users union all select id, phone from users) q
select name x from users union select email from users
select name x from users intersect select email from users
select email x from users except select name from users
values (1), ((select length(email) from users limit 1))
values ('a', (select email from users limit 1))
select * from (values (1, 2)) v union select email, phone from users
select a.x from (select b.x from (select email x from users) b) a
select (select x from (select email x from users limit 1) q) as y
select case when email like 's%' then email end as x from users
select if(email > '', email, phone) as x from users
select concat(email) x, concat_ws(',', email, phone) y from users
select email'x' from users
select users.email as x from users as u join users on 1
select x.email e from users x join users y using (id, email)
select max(email) x from users group by id having x > ''
select distinct email x from users order by x desc limit 1
select sql_no_cache email x from users
select all email x from users
select high_priority sql_buffer_result email x from users
select/*!50000 email x from*/ users
select /*! email */ as x from users
select email x from users limit 1 procedure analyse()
select email x from users procedure analyse(1)
select email x from users for update
select email x from users lock in share mode
select email x from users use index ()
explain extended select email from users where email = 'x'
explain format=json select * from users where email > (select phone from users limit 1)
analyze format=json select * from users where email > (select max(phone) from users)
explain select (select email from users limit 1) x
analyze table users persistent for all
select benchmark(1, email) b, email x from users
select email, email, email from users
select count(*) c, email x from users group by email with rollup
select ifnull(email, 1) x, nullif(email, '') y, isnull(email) z from users
select interval(email, 1) a, field(email, 'a') b, find_in_set('a', email) c, locate('s', email) d, strcmp(email, 'x') e from users
select _utf8mb4'x' a, email x from users
select N'x' a, email x from users
select binary email x, email like '%' y, email rlike '.' z from users
select -email x, !email y, ~email z, email | 0 a, email << 1 b, email div 1 c from users
select email || '' x, email && 1 y from users
select email || '' x from users
`;

/** One statement a line. */
export function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}
