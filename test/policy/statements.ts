/** A source of chance that gives the same again for the same seed. (xorshift32) */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed || 1;
  }

  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  of<T>(list: readonly [T, ...T[]]): T {
    return list[this.below(list.length)] ?? list[0];
  }

  /** True once in so many times. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }
}

/** What looks like a call and has a grammar of its own. */
const GRAMMARS: readonly [string, ...string[]] = [
  "interval '1 day'",
  "date '2024-01-01'",
  'array[1, 2]',
  'coalesce(a, b)',
  'extract(year from d)',
  'cast(a as text)',
  'cast(lower(a) as numeric(10, 2))',
  'cast((select 1 from x) as app.kind)',
  'cast(a as timestamp with time zone)',
  "extract(epoch from now() - interval '1 day')",
  "timestamp '2024-01-01 00:00'",
  'trim(lower(a))',
  'trim(a from b)',
  'greatest(a, lower(b))',
  'app.coalesce(a)',
  'nullif(a, (select 2 from y))',
  'array[lower(a), b]',
  'localtime',
  'current_timestamp(3)',
  'row(1, 2)',
  "trim(both 'x' from a)",
  'trim(trailing from lower(a))',
  'trim(leading a from b)',
  'overlay(lower(a) placing b from 1 for 2)',
  'overlay(a, b, 1)',
  'substring(a from 2 for 3)',
  'substring(lower(a) for 2)',
  "substring(a from '^x')",
  'substring(a, 1, 2)',
  'position(lower(a) in b || c)',
  'time',
  "time '10:00'",
  "timestamp with time zone '2024-01-01'",
  "interval '1' year to month",
  "interval '2' day",
  "interval '3' second(3)",
  'array[[1, 2], [lower(a), b]]',
  'array(select id from z)',
  '(array[1, 2])[1]',
  'a[1:2][3]',
  '(t).name',
  '(app.f(a)).b',
  'case a when lower(b) then 1 when 2 then 3 end',
  'row()',
  'f(a => 1, b => lower(c))',
  '"F"(a := 1)',
  'app.f(variadic array[1])',
  'f(all a)',
  'current_user',
  'app."Kind" \'x\'',
  "json '{}'",
  'a at local',
  '.5',
  '-a',
  '@ a',
  'left(a, right(b, 1))',
  "json_object('a': lower(b))",
  'json_arrayagg(lower(a) order by b) filter (where c)',
  'json_array(select name from secrets)',
  'xmlelement(name x, (select a from users))',
  'xmlforest(lower(a) as b)',
  'treat(a as app.kind)',
  'normalize(lower(a))',
  "set_config('search_path', lower(a), true)",
];

/** Behind a value or a call. */
const WINDOWS: readonly [string, ...string[]] = [
  "a at time zone 'UTC'",
  "(a + b) at time zone 'UTC'",
  'sum(a) over (partition by b order by c desc nulls last rows between unbounded preceding and current row)',
  'row_number() over (order by lower(a))',
  'rank() over w',
  'first_value(a) over (w groups between 1 preceding and 1 following exclude ties)',
  "count(*) filter (where c > 1 and lower(d) = 'x')",
  'max((select b from c)) over (partition by (select 1 from d))',
  'over (1)',
  'sum(a) over (partition by b)',
  'count(*) filter (where c)',
  'count(*)',
  'count(distinct a)',
  'string_agg(a, b order by c)',
  'percentile_cont(0.5) within group (order by lower(a) desc)',
  'mode() within group (order by a) filter (where b)',
  'max(a) over (w range between 1 preceding and lower(b) following exclude current row)',
  '\'a\' collate "C"',
  'a collate pg_catalog."default"',
];

/** PostgreSQL statements by a grammar of what programs send. All of them can be parsed. */
export class Statements {
  readonly #chance: Chance;

  constructor(seed: number) {
    this.#chance = new Chance(seed);
  }

  next(): string {
    const kind = this.#chance.below(10);
    if (this.#chance.once(10)) return this.#dressed(this.#combined());
    if (this.#chance.once(12)) return this.#dressed(this.#wrapped());
    const text = kind < 6 ? this.#select(0) : kind < 8 ? this.#insert() : kind === 8 ? this.#update() : this.#delete();
    return this.#dressed(text);
  }

  #wrapped(): string {
    const query = (): string => this.#chance.of([this.#select(0), this.#select(1), "values (1, lower('x'))", 'table users', '(select 1)']);
    const table = this.#chance.of(['copies', 'app."Copy"', 'if not exists copies', 'copies (a, time)']);
    const explained = this.#chance.of([
      'explain',
      'explain analyze',
      'explain analyze verbose',
      'explain (costs off)',
      'explain (analyze, format json)',
      'explain (analyze false)',
      "explain (buffers 'on', analyze)",
    ]);
    return this.#chance.of([
      `create ${this.#chance.of(['', 'temp ', 'unlogged '])}table ${table} as ${query()} ${this.#chance.of(['', 'with data', 'with no data'])}`,
      `create or replace ${this.#chance.of(['', 'temporary '])}view ${table.replace('if not exists ', '')} as ${query()}`,
      `create materialized view ${table} as ${query()}`,
      this.#merge(),
      `explain analyze ${this.#merge()}`,
      `with m as (${this.#merge()} returning *) select 1 from m`,
      `${explained} ${this.#chance.of([query(), this.#insert(), this.#update(), this.#delete(), `create table copies as ${query()}`])}`,
      `declare c ${this.#chance.of(['', 'no scroll ', 'binary '])}cursor ${this.#chance.of(['', 'with hold '])}for ${query()}`,
      `prepare p ${this.#chance.of(['', '(int, app.kind[]) '])}as ${this.#chance.of([query(), this.#insert(), this.#update(), this.#delete()])}`,
    ]);
  }

  #merge(): string {
    const { once, of } = { once: (times: number) => this.#chance.once(times), of: this.#chance.of.bind(this.#chance) };
    const clause = (): string => {
      const when = of(['matched', 'matched', 'not matched', 'not matched by source', 'not matched by target']);
      const row = `(${this.#value(1)}, default)`;
      const what =
        when.startsWith('not matched') && !when.endsWith('source')
          ? of([
              `insert values ${row}`,
              `insert (a, b) values ${row}`,
              'insert default values',
              `insert overriding user value values ${row}`,
              'do nothing',
            ])
          : of([`update set a = ${this.#value(1)}, b = default`, `update set (a, b) = (${this.#select(2)})`, 'delete', 'do nothing']);
      return `when ${when}${once(3) ? ` and ${this.#condition(1)}` : ''} then ${what}`;
    };
    const clauses = Array.from({ length: 1 + this.#chance.below(3) }, clause).join(' ');
    const condition = of(['t.id = s.id', 'true', 'users.id = s.id and s.a > 1', this.#condition(1)]);
    return `merge into ${of(['users', 'only app.users', '"Order"', 'users as t', 'items t'])} using ${this.#from(1)} on ${condition} ${clauses}`;
  }

  #combined(): string {
    const part = (): string =>
      this.#chance.of([
        `(${this.#select(1)})`,
        'table app.users',
        "values (1, lower('x')), (default_value, 2)",
        `(${this.#select(2)} limit 1)`,
      ]);
    return `${part()} ${this.#chance.of(['union', 'union all', 'except distinct', 'intersect'])} ${part()} order by 1`;
  }

  /** In another size of letters, with comments and other spaces, and with a semicolon. */
  #dressed(text: string): string {
    const spaced = this.#chance.once(4) ? text.replaceAll(' ', this.#chance.of(['  ', '\n', '\t', ' /* ; drop */ ', ' -- x\n'])) : text;
    const sized = this.#chance.once(4) && !/["']/.test(spaced) ? spaced.toUpperCase() : spaced;
    return this.#chance.once(6) ? `${sized};` : sized;
  }

  #table(): string {
    return this.#chance.of([
      'users',
      'orders',
      'public.items',
      '"Order"',
      'app."Line Item"',
      'only users',
      'generate_series(1, 3)',
      't',
      'public.items *',
      'app.f(lower(a)) with ordinality',
      'lateral unnest(a, b)',
    ]);
  }

  #column(): string {
    return this.#chance.of(['id', 'name', 'u.email', '"createdAt"', 't.*', '*', 'data', 'x.y.z', 'value', 'type', 'user']);
  }

  #value(depth: number): string {
    const kind = this.#chance.below(depth > 2 ? 6 : 16);
    switch (kind) {
      case 0:
        return '$1';
      case 1:
        return String(this.#chance.below(1000));
      case 2:
        return this.#chance.of(["'x'", "'it''s'", "''", "'; drop table t; --'", "E'a\\'b'", '$$x$$', "'/*'"]);
      case 3:
      case 4:
      case 5:
        return this.#chance.of(['id', 'u.name', 'null', 'true', '"drop"', 'now()', 'current_date', '1.5', '1e5', 'current_timestamp']);
      case 6:
        return `${this.#function()}(${this.#value(depth + 1)})`;
      case 7:
        return `(${this.#value(depth + 1)} ${this.#chance.of(['+', '-', '||', '*', '/', '%', '->', '->>', '#>>'])} ${this.#value(depth + 1)})`;
      case 8:
        return `${this.#value(depth + 1)}::${this.#chance.of(['text', 'int', 'numeric(10, 2)', 'timestamptz', 'int[]', 'regclass', 'double precision', 'app.kind', 'timestamp without time zone', 'varchar(20)[]', 'kind(3)'])}`;
      case 9:
        return `(${this.#select(depth + 1)})`;
      case 10:
        return `case when ${this.#condition(depth + 1)} then ${this.#value(depth + 1)} else ${this.#value(depth + 1)} end`;
      case 11:
        return this.#chance.of(GRAMMARS);
      case 12:
        return this.#chance.of(WINDOWS);
      default:
        return this.#chance.of([
          'lower(name)',
          'pg_catalog.now()',
          'a.b(c)',
          '"F"(1)',
          'max(id)',
          'left(a, 1)',
          'replace(a, b, c)',
          'overlay(a placing b from 1)',
        ]);
    }
  }

  #function(): string {
    return this.#chance.of([
      'lower',
      'upper',
      'max',
      'pg_catalog.length',
      'app.secret',
      '"Quoted"',
      'abs',
      'pg_read_file',
      'right',
      'md5',
      'any_value',
      'substring',
      'position',
      'nullif',
    ]);
  }

  #condition(depth: number): string {
    switch (this.#chance.below(depth > 2 ? 4 : 12)) {
      case 0:
        return `id = ${this.#value(depth + 1)}`;
      case 1:
        return `name ${this.#chance.of(['<>', '!=', '<', '>=', '~', 'like', 'ilike', 'not like'])} ${this.#value(3)}`;
      case 2:
        return this.#chance.of([
          'true',
          'id = id',
          '1 = 1',
          'deleted_at is null',
          'a is not null',
          'not archived',
          'id = $1',
          "name = 'x'",
        ]);
      case 3:
        return `id in (${this.#value(3)}, ${this.#value(3)})`;
      case 4:
        return `id in (${this.#select(depth + 1)})`;
      case 5:
        return `exists (${this.#select(depth + 1)})`;
      case 6:
        return `(${this.#condition(depth + 1)} or ${this.#condition(depth + 1)})`;
      case 7:
        return `not (${this.#condition(depth + 1)})`;
      case 8:
        return `a between ${this.#value(3)} and ${this.#value(3)}`;
      case 9:
        return this.#chance.of([
          'a is distinct from b',
          'a is not distinct from (select b from c)',
          'a = any(array[1, 2])',
          'a = array[b, c]',
          "row(a, b) = row(1, 'x')",
          'sum(a) over (partition by b) > 3',
          'id = any($1)',
          "(a, b) = (1, 'x')",
          "a like 'x' escape '!'",
          "a similar to 'x'",
          "a similar to 'x' escape '!'",
          "a not like lower(b) escape '!'",
          'a like any (array[lower(b)])',
          'a <> all (select b from d)',
          'a operator(pg_catalog.=) lower(b)',
          'a @> b and c ?| d',
          'a isnull',
          'a is not true',
          'a is unknown',
          'a between symmetric 1 and lower(b)',
          'a not in (1, lower(b))',
          '(a) = (b)',
          'a is true',
          '(a, b) overlaps (c, d)',
        ]);
      default:
        return `${this.#condition(depth + 1)} and ${this.#condition(depth + 1)}`;
    }
  }

  #from(depth: number): string {
    switch (this.#chance.below(depth > 1 ? 3 : 13)) {
      case 9:
        return `${this.#from(2)}, lateral (${this.#select(depth + 1)}) as l (a, b)`;
      case 10:
        return `(${this.#from(2)} left join ${this.#from(2)} on ${this.#condition(2)}) as j`;
      case 11:
        return `(values (1, lower('x')), (2, null)) v (a, b)`;
      case 12:
        return this.#chance.of(['(select 1 union (table gone)) s', 'f(1) as x (a int, b text[])']);
      case 0:
      case 1:
      case 2:
        return `${this.#table()}${this.#chance.of(['', '', ' u', ' as t'])}`;
      case 3:
        return `${this.#from(2)}, ${this.#from(2)}`;
      case 4:
        return `(${this.#select(depth + 1)}) as s`;
      case 5:
        return `${this.#from(2)} ${this.#chance.of(['cross join', 'natural join'])} accounts`;
      case 6:
        return `${this.#from(2)} join (${this.#select(depth + 1)}) z using (id)`;
      default:
        return `${this.#from(2)} ${this.#chance.of(['join', 'left join', 'inner join', 'full outer join'])} app.accounts a on ${this.#condition(2)}`;
    }
  }

  #select(depth: number): string {
    const { once, of } = { once: (times: number) => this.#chance.once(times), of: this.#chance.of.bind(this.#chance) };
    const list = [
      this.#chance.once(2) ? this.#column() : this.#value(depth + 1),
      ...(once(2) ? [`${this.#value(depth + 1)} as x`] : []),
    ].join(', ');
    const parts = [`select ${once(6) ? of(['distinct ', 'distinct on (lower(a), b) ', 'all ']) : ''}${list}`];
    if (!once(6)) parts.push(`from ${this.#from(depth)}`);
    if (once(2)) parts.push(`where ${this.#condition(depth + 1)}`);
    if (once(5))
      parts.push(
        `group by ${of(['1', 'name', 'u.id, name', '()', 'rollup(a, lower(b))', 'grouping sets ((a), cube(b), ())', 'distinct a, b'])}${once(3) ? ` having ${this.#condition(3)}` : ''}`,
      );
    if (depth < 2 && once(8))
      parts.push(`${of(['union', 'union all', 'except', 'intersect'])} select ${this.#column()} from ${this.#table()}`);
    if (once(10)) parts.push(`window w as (${of(['partition by a', 'order by lower(b)', ''])})${once(2) ? ', v as (w order by c)' : ''}`);
    if (once(3)) parts.push(`order by ${of(['1', 'name desc', 'lower(name), id asc nulls last'])}`);
    if (once(20)) parts.push(of(['fetch first 5 rows only', 'offset 1 fetch next row only']));
    else if (once(3)) parts.push(`limit ${of(['10', '$2', '10 offset 5', 'all', '10 offset lower(b) rows'])}`);
    if (depth === 0 && once(15))
      parts.push(of(['for update', 'for no key update of users, t nowait', 'for share skip locked', 'for key share of "Order"']));
    const text = parts.join(' ');
    return depth === 0 && once(6) ? `${this.#with()} ${text}` : text;
  }

  /** Names that are those of tables, too, before and behind their own definition. */
  #with(): string {
    const { chance } = { chance: this.#chance };
    const name = (): string => chance.of(['users', 'orders', 't', '"Order"', 'c (a, b)', 'items', '"users"', 'T']);
    const how = (): string => chance.of(['', '', '', 'materialized ', 'not materialized ']);
    const body = (): string => {
      if (!chance.once(5)) return this.#select(1);
      return chance.of([
        this.#delete(),
        this.#update(),
        this.#insert(),
        "values (1, lower('x'))",
        'table users',
        '(select 1) union all (select 2)',
      ]);
    };
    const parts = Array.from({ length: 1 + chance.below(3) }, () => `${name()} as ${how()}(${body()})`);
    return `with ${chance.once(10) ? 'recursive ' : ''}${parts.join(', ')}`;
  }

  #rows(): string {
    const row = (): string => `(${this.#value(1)}, ${this.#value(2)})`;
    return Array.from({ length: 1 + this.#chance.below(3) }, row).join(', ');
  }

  #insert(): string {
    const target = this.#chance.of([
      'users',
      'public.items (a, b)',
      '"Order" ("Id", b)',
      'orders (id, n)',
      'users as u (id, time)',
      'items overriding system value',
    ]);
    const source = this.#chance.once(3)
      ? this.#chance.of([this.#select(1), `(${this.#select(1)})`, 'table users', 'default values', `${this.#with()} select 1`])
      : `values ${this.#rows()}`;
    const rest = this.#chance.of([
      '',
      '',
      ' returning id',
      ' on conflict do nothing',
      ' on conflict (id) do update set a = 1',
      ' on conflict (id, "Name") do update set a = lower(excluded.a), b = (select max(b) from c) where orders.a is null returning *',
      ' on conflict on constraint x do nothing',
      ' on conflict do nothing returning id',
      ' returning lower(name)',
    ]);
    return `insert into ${target} ${source}${source.startsWith('values') ? rest : ''}`;
  }

  #where(): string {
    return this.#chance.once(5)
      ? ''
      : ` where ${this.#chance.once(2) ? this.#chance.of(['id = $1', "a = 1 and b = 'x'", 'id >= 4', 'u.id = 1', "id in (1, 'x', $2)", 'a is null and b is not null', 'a is null or a is not null', 'id in (1) and id = id', 'current of c', "a like '%'", '(a, b) = (1, 2)', 'not false', 'a = any($1)', '((a)) = (a)']) : this.#condition(1)}`;
  }

  #update(): string {
    const target = this.#chance.of(['users', 'public.items as i', '"Order"', 'users u']);
    const what = this.#chance.of([
      'a = 1',
      "a = 'x', b = $2",
      'n = n + 1',
      `a = ${this.#value(2)}`,
      '(a, b) = (1, 2)',
      'a[lower(b)] = 1, c.d = default',
      `(a, b) = (${this.#select(2)})`,
      '(a, b) = row(1, lower(c))',
    ]);
    return `update ${target} set ${what}${this.#chance.once(8) ? this.#chance.of([' from teams', ` from ${this.#from(1)}`]) : ''}${this.#where()}${this.#chance.once(6) ? ' returning *' : ''}`;
  }

  #delete(): string {
    return `delete from ${this.#chance.of(['users', 'public.items', '"Order" as o', 'only users'])}${this.#chance.once(8) ? this.#chance.of([' using teams', ` using ${this.#from(1)}`]) : ''}${this.#where()}${this.#chance.once(6) ? ' returning lower(id), (select 1 from gone)' : ''}`;
  }
}
