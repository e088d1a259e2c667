import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Catalogue } from '@hoop/core/catalogue';
import type { Dialect } from '@hoop/core/protocol';
import { type ColumnMasks, columnRulesOf, compileColumnMasks } from './masks.ts';
import { catalogueOf, routine, view } from './testing/catalogue.ts';
import { judged, shown } from './testing/shown.ts';

const RULES = columnRulesOf([{ columns: ['users.ssn', 'users_2024.code'], strategy: 'partial', keep: 2 }]);

function session(
  current: Catalogue | undefined | (() => Catalogue | undefined),
  mode?: 'best-effort',
  dialect: Dialect = 'postgres',
): ColumnMasks {
  return compileColumnMasks(RULES, dialect, { catalogue: { current: typeof current === 'function' ? current : () => current }, mode });
}

/** Cases of `statement | names of its columns | which are hidden`. */
async function check(masks: ColumnMasks, cases: readonly string[]): Promise<void> {
  for (const each of cases) {
    const [text = '', names = '', expected = ''] = each.split(' | ');
    const { answer, denial } = await judged(text, masks);
    assert.equal(denial?.message ?? shown(answer, names.split(' ')), expected, each);
  }
}

const VIEWS = [
  view('contacts', 'id note', 'SELECT users.id, users.ssn AS note FROM public.users;'),
  view('notes', 'n remark', 'SELECT contacts.id, contacts.note AS remark FROM public.contacts;'),
  view('swapped', 'a b', 'SELECT users.ssn, users.id FROM public.users;'),
  view('strange', 'x y', 'SELECT this is no query'),
];

describe('columns through views of the target', () => {
  test('are hidden by where they come from, by position, and transitively', () =>
    check(session(catalogueOf({ views: VIEWS })), [
      'select id, note from contacts | id note | -x',
      'select note as x from public.contacts c | x | x',
      'select * from notes | n remark | -x',
      'select a, b from swapped | a b | x-',
      'select note from other.contacts | note | -',
      'with contacts as (select 1 as note) select note from contacts | note | -',
      'select upper(remark) as x, n from (select * from notes) q | x n | x-',
      'select x from strange | x | x',
    ]));

  test('keep the strategy of their rule where they are shown as they are', async () => {
    const { answer } = await judged('select note as x, lower(note) as y from contacts', session(catalogueOf({ views: VIEWS })));
    const hides = answer?.hides?.([{ name: 'x' }, { name: 'y' }]) ?? [];
    assert.deepEqual(
      hides.map((hide) => hide?.(Buffer.from('12345678'), {})?.toString()),
      ['######78', '########'],
    );
  });

  test('are known as they are now: what was prepared before is hidden whole', async () => {
    let now = catalogueOf({});
    const masks = session(() => now);
    await check(masks, ['select note from contacts | note | -']);
    await judged('prepare p as select note from contacts', masks);
    await check(masks, ['execute p | note | -']);
    now = catalogueOf({ views: VIEWS });
    await check(masks, ['select note from contacts | note | x', 'execute p | note | x']);
  });

  test('have an end, however deep they are', async () => {
    const chain = Array.from({ length: 200 }, (_, at) => view(`v${at}`, 'c', `SELECT v${at + 1}.c FROM public.v${at + 1};`));
    await check(session(catalogueOf({ views: chain })), ['select c from v0 | c | x', 'select c from v190 | c | -']);
    const circle = [view('a', 'c', 'SELECT b.c FROM public.b;'), view('b', 'c', 'SELECT a.c FROM public.a;')];
    await check(session(catalogueOf({ views: circle })), ['select c from a | c | x']);
  });
});

describe('columns through tables that share rows', () => {
  const relatives = [
    { parent: ['public', 'users'], child: ['public', 'users_2024'] },
    { parent: ['public', 'users'], child: ['public', 'users_2023'] },
  ] as const;

  test('are hidden in children as in parents, and in parents as in children, and not from child to child', () =>
    check(session(catalogueOf({ relatives })), [
      'select ssn as x from users_2023 | x | x',
      'select code as x from users | x | x',
      'select code as x from users_2023 | x | -',
    ]));
});

describe('columns through what a target computes', () => {
  const computed = [{ schema: 'public', table: 'users', column: 'tail', expression: '"right"(ssn, 4)' }];

  test('are hidden in the table and in what is over it', () =>
    check(session(catalogueOf({ computed, views: [view('tails', 't', 'SELECT users.tail FROM public.users;')] })), [
      'select tail, id from users | tail id | x-',
      'select t as x from tails | x | x',
      'select tail from orders | tail | -',
    ]));
});

const created = (head: string, language: string, body: string): string =>
  `CREATE OR REPLACE FUNCTION public.${head}\n LANGUAGE ${language}\nAS $f$${body}$f$`;

describe('columns through functions of the target', () => {
  const routines = [
    routine('one', created('one(i integer) RETURNS text', 'sql', 'select ssn from users where id = i')),
    routine('harmless', created('harmless(i integer) RETURNS integer', 'sql', 'select i + 1')),
    routine('rows', created('rows() RETURNS TABLE(a integer, b text)', 'sql', 'select id, ssn from users'), { columns: ['a', 'b'] }),
    routine('whole', created('whole() RETURNS SETOF public.orders', 'sql', 'select * from users'), {
      columns: ['id', 'x'],
      rowOf: ['public', 'orders'],
    }),
    routine('own', created('own() RETURNS SETOF public.users', 'sql', 'select * from users'), {
      columns: ['id', 'ssn'],
      rowOf: ['public', 'users'],
    }),
    routine('block', created('block() RETURNS text', 'plpgsql', 'begin return (select ssn from users limit 1); end'), {
      language: 'plpgsql',
    }),
    routine('plain', created('plain() RETURNS text', 'plpgsql', 'begin return (select name from users limit 1); end'), {
      language: 'plpgsql',
    }),
    routine(
      'dynamic',
      created('dynamic(t text) RETURNS text', 'plpgsql', "declare r text; begin execute 'select ' || t into r; return r; end"),
      { language: 'plpgsql' },
    ),
    routine('foreign', created('foreign() RETURNS text', 'plpython3u', 'return 1'), { language: 'plpython3u' }),
    routine('native', 'CREATE OR REPLACE FUNCTION public.native() RETURNS text LANGUAGE c AS $a$lib$a$, $b$f$b$', { language: 'c' }),
    routine('again', created('again(i integer) RETURNS text', 'sql', 'select again(i - 1)')),
    routine('renamed_builtin', 'query_to_xml', { language: 'internal' }),
    routine('of_row', created('of_row(o public.orders) RETURNS text', 'sql', 'select ssn from users where id = o.user_id'), {
      takesRow: true,
    }),
    routine('collect', '', { language: 'internal', madeOf: ['one'] }),
    routine('nested', created('nested() RETURNS text', 'plpgsql', 'begin return one(1); end'), { language: 'plpgsql' }),
  ];
  const callers = [
    { kind: 'operator', name: '%%', routine: 'one' },
    { kind: 'cast', name: 'secret', routine: 'one' },
  ] as const;

  test('are hidden where a body gives them, and nothing is where it does not', () =>
    check(session(catalogueOf({ routines, callers })), [
      'select one(1) as x, harmless(1) as y, plain() as z | x y z | x--',
      'select block() as a, dynamic($1) as b, nested() as c | a b c | xxx',
      'select native() as a, public.native() as b, foreign() as c | a b c | xxx',
      'select again(1) as x, renamed_builtin(1) as y | x y | xx',
      'select * from rows() | a b | -x',
      'select p, q from rows() as t(p, q) | p q | -x',
      'select r.b as x from rows() r | x | x',
      'select id, x from whole() | id x | xx',
      'select id, ssn from own() | id ssn | -x',
      'select x from one(1) as x | x | x',
      'select y from harmless(1) as y | y | -',
      'select o.of_row, o.id from orders o | of_row id | x-',
      'select (o).of_row from orders o | of_row | x',
      'select collect(id) as x from orders | x | x',
      "select 'a' %% 'b' as x, 'a' || 'b' as y | x y | x-",
      "select 'a'::secret as x | x | x",
      'select a from rows from (harmless(1), one(2)) as t(a, b) | a | -',
      'select b from rows from (harmless(1), one(2)) as t(a, b) | b | x',
    ]));
});

test('what is prepared shows what it is given', async () => {
  const masks = session(catalogueOf({ routines: [routine('one', created('one() RETURNS text', 'sql', 'select ssn from users'))] }));
  await judged('prepare p (text) as select $1 as x', masks);
  await check(masks, ["execute p('a') | x | -", 'execute p(one()) | x | x']);
});

describe('a target that does not tell what is at it', () => {
  test('is hidden but for what is plain to see, and the record says so once', async () => {
    const masks = session(undefined);
    const first = await judged('select 1 as x', masks);
    assert.match(first.matched?.message ?? '', /cannot be read.*hidden meanwhile/);
    assert.equal((await judged('select 2 as x', masks)).matched, undefined);
    await check(masks, [
      'select 1 as x, now() as y, lower($1) as z | x y z | ---',
      'select note from contacts | note | x',
      'select get_it(1) as x | x | x',
      'select relname from pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace | relname | -',
      'with q as (select 1 as a) select a from q | a | -',
      'select x from generate_series(1, 2) as t(x) | x | -',
    ]);
  });

  test('is shown where masks may fail open, and the record says so', async () => {
    const masks = session(undefined, 'best-effort');
    const first = await judged('select note from contacts', masks);
    assert.match(first.matched?.message ?? '', /cannot be read.*not hidden meanwhile/);
    await check(masks, ['select note from contacts | note | -', 'select ssn as x from users | x | x']);
  });

  test('that hides some definitions is hidden there alone', async () => {
    const views = [view('dark', 'a', ''), view('clear', 'a', 'SELECT users.id FROM public.users;')];
    const masks = session(catalogueOf({ views }));
    assert.match((await judged('select 1', masks)).matched?.message ?? '', /do not show how they are made/);
    await check(masks, ['select a from dark | a | x', 'select a from clear | a | -']);
    await check(session(catalogueOf({ views }), 'best-effort'), ['select a from dark | a | -']);
  });
});

describe('statements that would take the name from what shows a hidden column', () => {
  const routines = [routine('one', created('one(i integer) RETURNS text', 'sql', 'select ssn from users where id = i'))];

  test('are denied, and those that do not pass', async () => {
    const masks = session(catalogueOf({ views: VIEWS, routines }));
    for (const text of [
      'alter view contacts rename to c',
      'alter view notes rename column remark to r',
      'alter view contacts set schema app',
      'alter function one(int) rename to two',
      'create view w as select note as x from contacts',
      'create materialized view w as select one(1) as x',
      'create or replace view contacts as select ssn as note from users',
      'create table t as select remark from notes',
      "create function f() returns text language sql as 'select note from contacts'",
      "create function f() returns text language plpgsql as 'begin return one(1); end'",
      'insert into t (a) select note from contacts',
      'create table t (a text default one(1))',
      'alter table t alter column a set default one(1)',
      'alter table t add column a text default upper(one(1))',
      'create operator %% (leftarg = int, function = one)',
      'create aggregate a (int) (sfunc = one, stype = text)',
      'create cast (int as text) with function one(int)',
      'create domain d as text default one(1)',
      "do 'begin perform set_config(''a.b'', note, false) from contacts; end'",
    ])
      assert.match((await judged(text, masks)).denial?.message ?? '', /would take the values of a masked column away/, text);
    for (const text of [
      'drop function one(int)',
      'alter view contacts rename column id to i',
      'create view w as select id as x from contacts',
      'drop view notes',
    ])
      assert.equal((await judged(text, masks)).denial, undefined, text);
  });
});

test('a character set in which quotes may hide is denied, as a session may begin with it', async () => {
  const masks = session(catalogueOf({}), undefined, 'mysql');
  assert.match((await judged('SET NAMES gbk', masks)).denial?.message ?? '', /character set/);
});

describe('views and routines of MySQL', () => {
  const views = [
    {
      schema: 'shop',
      name: 'contacts',
      columns: ['id', 'note'],
      definition: 'select `shop`.`users`.`id` AS `id`,`shop`.`users`.`ssn` AS `note` from `shop`.`users`',
    },
    {
      schema: 'shop',
      name: 'Notes',
      columns: ['remark'],
      // As MySQL 8 writes it: the names of a list of columns, and a schema in front of an alias.
      definition:
        'select lcase(`shop`.`c`.`note`) AS `low` from (`shop`.`contacts` `c` join `shop`.`orders` `o` on((`o`.`id` = `c`.`id`)))',
    },
  ];
  const routines = [
    routine('one', 'begin declare x text; select ssn into x from users limit 1; return x; end', { schema: 'shop' }),
    routine('plain', 'return 1 + i', { schema: 'shop' }),
    routine('text', 'begin prepare s from @a; execute s; end', { schema: 'shop' }),
  ];
  const computed = [{ schema: 'shop', table: 'users', column: 'Tail', expression: 'right(`ssn`,4)' }];

  test('are followed by their words', () =>
    check(session(catalogueOf({ views, routines, computed }), undefined, 'mysql'), [
      'select id, note from contacts | id note | -x',
      'select remark x from notes | x | x',
      'select * from shop.notes | remark | x',
      'select one() a, shop.plain(1) b, concat(text(), 1) c | a b c | x-x',
      'call one() | ssn | x',
      'select tail x, id from users | x id | x-',
    ]));
});
