import { LEXICONS, tokensOf } from '@hoop/policy/sql/tokens';
import { Chance } from './statements.ts';

type Some = readonly [string, ...string[]];

function list(words: string): Some {
  const [first = '', ...rest] = words.split(/\s+/);
  return [first, ...rest];
}

/** Keywords of all kinds, to stand where names do. */
const WORDS = list(
  `all and any array as asc asymmetric at b between bit both by case cast char check coalesce collate conflict constraint content
  cross cube current current_date current_schema current_user cursor cycle day default delete desc distinct do document double e else
  end escape except exists extract false fetch filter first for format from full group grouping groups having hour ilike in inner
  insert int integer intersect interval into is isnull join json keep key last lateral left like limit local locked materialized merge
  minute month n natural next no normalize not nothing notnull nowait null nullif nulls numeric of offset on only operator or order
  ordinality others over overlaps overlay overriding partition placing position preceding precision range real recursive returning
  right rollup row rows search select set sets share similar skip some substring symmetric system system_user table tablesample then ties time
  timestamp to treat trim true u unbounded unique unknown update user using value values varchar variadic varying when where window
  with within without x xmlparse year zone`,
);

const SIGNS: Some = [
  '(',
  ')',
  ',',
  '.',
  ';',
  '*',
  '=',
  '<',
  '>',
  '::',
  ':=',
  '=>',
  '[',
  ']',
  ':',
  '||',
  '->>',
  '@>',
  '?',
  '-',
  '+',
  '$1',
  '1',
  '.5',
  "'x'",
  "'%'",
  "E'\\x25'",
  "N'x'",
  "B'1'",
  "U&'x'",
  '$$y$$',
  '$a$z$a$',
  '"q"',
  '""',
  'a',
  'f(',
  't.a',
  't.*',
  '()',
  '(1)',
  '/**/',
  '/* /* */ ( */',
  '--x\n',
  'pg_sleep(1)',
  'operator(*)',
  'operator(pg_catalog.-)',
  '(select secret() from hidden)',
  'select secret() from hidden',
  "json_object('a': 1)",
  'xmlelement(name a, f(b))',
  'normalize(f(a), nfc)',
  "query_to_xml('select secret() from hidden', true, true, '')",
  "set_config('a', f(b), true)",
  'a = a',
  'is null',
  'is not null',
  'or true',
  'id = 1',
];

/** What stands in conditions. */
const ATOMS: Some = [
  'a',
  'b',
  't.a',
  '(a)',
  '(a, b)',
  '1',
  "'x'",
  "'%'",
  "('%')",
  "'%%'",
  "''",
  "E'%'",
  'null',
  'true',
  'false',
  '$1',
  'f(a)',
  'f()',
  'a::text',
  'a[1]',
  '-a',
  'a.*',
  '(select 1)',
  '(select a)',
  '(select * from x)',
  'array[a]',
  'array[1]',
  'current_date',
  'user',
  'current_timestamp(3)',
  'count(*)',
  'f(a => 1)',
  'f(a := 1)',
  "interval '1' day",
  'case when a then 1 end',
  'case 1 when 2 then 3 end',
  'row(1)',
  'time',
  "time '10:00'",
  '(false)',
  '((a))',
  'coalesce(a, b)',
  'coalesce(1)',
  'a.b.c',
  'extract(year from a)',
  'extract(year from now())',
  "json_value('{}', '$.a')",
  'json_scalar(a)',
  "xmlparse(content 'x')",
  'normalize(a)',
];

const COMPARISONS: Some = [
  '=',
  '<>',
  '<=',
  '>=',
  '<',
  '~~',
  '~~*',
  'like',
  'ilike',
  'not like',
  'is distinct from',
  'is not distinct from',
  '= any',
  'in',
  'not in',
  '+',
  '||',
  'similar to',
  'operator(pg_catalog.=)',
  'overlaps',
  'at time zone',
  'collate',
];

const PREDICATES: Some = ['is null', 'is not null', 'isnull', 'notnull', 'is true', 'is not false', 'is unknown', "escape 'x'", '::bool'];

/** Statements that somebody bent: by a word, a sign, a parenthesis or a part of another one that does not belong there. Most are no SQL. */
export class Mutations {
  readonly #chance: Chance;
  readonly #texts: readonly string[];

  constructor(seed: number, texts: readonly string[]) {
    this.#chance = new Chance(seed);
    this.#texts = texts.filter((text) => text.length < 1_500);
  }

  next(): string {
    const pieces = [...this.#pieces()];
    for (let edits = 1 + this.#chance.below(3); edits > 0; edits--) this.#bend(pieces);
    return pieces.join('');
  }

  /** A change of rows, with a condition that may be true for all of them. */
  change(): string {
    const condition = this.#condition(0);
    const end = this.#chance.of(['', ' returning *', ' returning a as b', ';']);
    return this.#chance.of([
      `delete from t where ${condition}${end}`,
      `delete from t where ${condition}${end}`,
      `update t set a = 1 where ${condition}${end}`,
      `with c as (delete from t where ${condition}) select 1`,
      `explain analyze delete from t where ${condition}${end}`,
      `explain delete from t where ${condition}${end}`,
      `prepare p (int[]) as delete from t where ${condition}${end}`,
      `merge into t using s on ${condition} when matched then delete`,
      `merge into t using s on ${condition} when matched and ${this.#condition(1)} then update set a = 1 when not matched then do nothing`,
    ]);
  }

  #condition(depth: number): string {
    const { of } = { of: this.#chance.of.bind(this.#chance) };
    switch (this.#chance.below(depth > 2 ? 4 : 9)) {
      case 0:
        return `${of(ATOMS)} ${of(PREDICATES)}`;
      case 1:
      case 2:
        return `${of(ATOMS)} ${of(COMPARISONS)} ${of(ATOMS)}`;
      case 3:
        return this.#chance.once(3) ? `${of(ATOMS)} between ${of(ATOMS)} and ${of(ATOMS)} ${of(COMPARISONS)} ${of(ATOMS)}` : of(ATOMS);
      case 4:
        return `not ${this.#condition(depth + 1)}`;
      case 5:
        return `(${this.#condition(depth + 1)})`;
      case 6:
        return `${this.#condition(depth + 1)} or ${this.#condition(depth + 1)}`;
      default:
        return `${this.#condition(depth + 1)} and ${this.#condition(depth + 1)}`;
    }
  }

  /** The words of a text, each with what stands before it. */
  #pieces(): readonly string[] {
    const text = this.#texts[this.#chance.below(this.#texts.length)] ?? '';
    try {
      let at = 0;
      const pieces = tokensOf(text, LEXICONS.postgres).map(({ to }) => {
        const piece = text.slice(at, to);
        at = to;
        return piece;
      });
      return [...pieces, text.slice(at)];
    } catch {
      return [text];
    }
  }

  #bend(pieces: string[]): void {
    const { below } = { below: (limit: number) => this.#chance.below(Math.max(1, limit)) };
    const at = below(pieces.length);
    const other = this.#pieces();
    const from = below(other.length);
    const piece = pieces[at] ?? '';
    switch (below(8)) {
      case 0:
        pieces.splice(at, 1);
        return;
      case 1:
      case 2:
        pieces.splice(at, below(2), ` ${this.#chance.of(WORDS)}`);
        return;
      case 3:
      case 4:
        pieces.splice(at, below(2), ` ${this.#chance.of(SIGNS)}`);
        return;
      case 5:
        pieces.splice(at, below(2), ...other.slice(from, from + 1 + below(8)));
        return;
      case 6:
        pieces.splice(at, 0, ' (');
        pieces.splice(Math.min(pieces.length, at + 2 + below(6)), 0, ')');
        return;
      default:
        if (/^\s*[a-z_]+$/i.test(piece)) pieces[at] = ` "${piece.trim()}"`;
        else pieces.splice(at, below(2), ` (${other.join('').replace(/;\s*$/, '')})`);
    }
  }
}
