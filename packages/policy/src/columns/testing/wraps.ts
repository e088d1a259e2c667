/** Ways to put a query with the column `c` into another one that has it too. */
export const WRAPS: readonly ((query: string) => string)[] = [
  (query) => `select c as c from (${query}) q`,
  (query) => `select q.c as c from (${query}) as q`,
  (query) => `select q.* from (${query}) q`,
  (query) => `select * from (select * from (${query}) a) b`,
  (query) => `with q as (${query}) select q.c as c from q`,
  (query) => `with q (a) as (${query}), r as (select a as b from q) select b as c from r`,
  (query) => `select lower(c) as c from (${query}) q`,
  (query) => `select coalesce(null, c) as c from (${query}) q where c > '' order by c`,
  (query) => `select case when 1 = 1 then c end as c from (${query}) q`,
  (query) => `select (select c from (${query}) q limit 1) as c`,
  (query) => `select max(c) as c from (${query}) q`,
  (query) => `select first_value(c) over (order by c) as c from (${query}) q`,
  (query) => `select l.c as c from (${query}) q, lateral (select q.c as c) l`,
  (query) => `(${query}) union all (select null)`,
  (query) => `select c from (select null as c union (${query})) q`,
  (query) => `select c from (select 1 as a) z cross join (${query}) q`,
];

/** What only PostgreSQL has. */
export const POSTGRES_WRAPS: readonly ((query: string) => string)[] = [
  ...WRAPS,
  (query) => `select (q).c as c from (${query}) q`,
  (query) => `select row_to_json(q) as c from (${query}) q`,
  (query) => `select q as c from (${query}) q`,
  (query) => `select array(${query}) as c`,
  (query) => `select column1 as c from (values ((select c from (${query}) q limit 1))) v`,
  (query) => `with recursive r (c) as ((${query}) union select c from r) select c from r`,
  (query) => `select x as c from (${query}) q, unnest(array[q.c]) as t(x)`,
  (query) => `select c::text as c from (${query}) q`,
];
