import { performance } from 'node:perf_hooks';
import { policyOf } from '../policy/corpora.ts';
import { table } from './stack.ts';

/**
 * How long does a decision take? All packs for PostgreSQL judge statements of 4 KB that were never seen before: what the quick reader
 * knows, and what PostgreSQL's own parser has to read; and a statement that comes again. The peer: no rules. Many short rounds, and
 * of them the quarter that was least disturbed: on a machine that does other things too, the slowest decision tells of those.
 */
export interface PolicyBenchOptions {
  readonly decisions: number;
}

export interface PolicyTimes {
  readonly name: string;
  readonly p50_ms: number;
  readonly p99_ms: number;
}

const STATEMENT_CHARACTERS = 4_096;

/** Another one for each number, always about 4 KB. */
const STATEMENTS: Readonly<Record<string, (at: number) => string>> = {
  'a SELECT of columns, joins and a list': (at) =>
    filled(
      `select t.id, u.name, count(*) from orders t join users u on u.id = t.user_id where t.batch = ${at} and t.id in (`,
      (n) => `${n + at}, `,
      '0) group by t.id',
    ),
  'an INSERT of rows': (at) => filled('insert into orders (id, name) values ', (n) => `(${n + at}, 'name ${n}'), `, `(${at}, 'last')`),
  'a WITH, windows and a list': (at) =>
    filled(
      `with recent as (select * from orders where batch = ${at}) select r.id, sum(r.n) over (partition by r.x) from recent r where r.id in (`,
      (n) => `${n + at}, `,
      '0)',
    ),
  'calls with a syntax of their own': (at) =>
    filled('select ', (n) => `overlay(t.name_${n + at} placing t.other from ${n}) as column_${n}, `, '1 from orders t'),
  'CASE, casts and comparisons': (at) =>
    filled(
      'select ',
      (n) => `case when t.name_${n + at} = 'x' and t.b > ${n} then lower(t.c) else coalesce(t.d, t.e)::text end as column_${n}, `,
      '1 from orders t',
    ),
  'an UPDATE of what one of many conditions says': (at) =>
    filled(`update orders set a = ${at} where id = ${at} and (`, (n) => `name_${n} = ${n + at} or `, 'b = 1)'),
  'one call that only the parser reads': (at) =>
    filled('select ', (n) => `round(t.price_${n + at} * ${n}, 2) as column_${n}, `, `json_object('a': t.id) from orders t`),
  'a list that only the parser reads': (at) =>
    filled(
      `with recursive t as (select ${at} as n union all select n + 1 from t where n in (`,
      (n) => `${n + at}, `,
      '0)) search depth first by n set place select n from t',
    ),
  'columns that only the parser reads': (at) =>
    filled('select ', (n) => `normalize(t.name_${n + at}, nfc) as column_${n}, `, '1 from orders t'),
};

function filled(start: string, part: (at: number) => string, end: string): string {
  const parts = [start];
  let length = start.length + end.length;
  for (let at = 0; length < STATEMENT_CHARACTERS; at++) {
    const next = part(at);
    parts.push(next);
    length += next.length;
  }
  return parts.join('') + end;
}

/** Times of decisions in milliseconds, one line a kind of statement. */
export async function policyDecisions({ decisions }: PolicyBenchOptions, say: (line: string) => void): Promise<readonly PolicyTimes[]> {
  const all = policyOf('postgres');
  const none = policyOf('postgres', []);
  const times: PolicyTimes[] = [];
  for (const [name, make] of Object.entries(STATEMENTS)) {
    times.push(await measured(`${name}, no rules`, none, decisions, make));
    times.push(await measured(`${name}, all packs`, all, decisions, make));
  }
  const same = Object.values(STATEMENTS)[0]?.(1) ?? '';
  times.push(await measured('the same statement again, all packs', all, decisions, () => same));
  say(
    table(
      ['decision', 'p50 ms', 'p99 ms'],
      times.map(({ name, p50_ms, p99_ms }) => [name, p50_ms.toFixed(3), p99_ms.toFixed(3)]),
    ),
  );
  return times;
}

/** A round is short, so that some of them are not disturbed by what else the machine does. */
const ROUND = 200;

async function measured(
  name: string,
  policy: ReturnType<typeof policyOf>,
  decisions: number,
  make: (at: number) => string,
): Promise<PolicyTimes> {
  const rounds: { readonly p50_ms: number; readonly p99_ms: number }[] = [];
  for (let from = 0; from < Math.max(decisions, 2 * ROUND); from += ROUND) rounds.push(await round(policy, from, make));
  // The first one warms up.
  const told = rounds.slice(1).sort((left, right) => left.p99_ms - right.p99_ms);
  const quiet = told[Math.floor(told.length / 4)];
  return { name, p50_ms: quiet?.p50_ms ?? Number.NaN, p99_ms: quiet?.p99_ms ?? Number.NaN };
}

async function round(
  policy: ReturnType<typeof policyOf>,
  from: number,
  make: (at: number) => string,
): Promise<{ p50_ms: number; p99_ms: number }> {
  const taken: number[] = [];
  for (let at = from; at < from + ROUND; at++) {
    const text = make(at);
    const started = performance.now();
    const verdict = policy.judge({ seq: at, text, via: 'query' });
    const given = verdict instanceof Promise ? await verdict : verdict;
    taken.push(performance.now() - started);
    if (given.allow !== true) throw new Error(`denied: ${text.slice(0, 100)}`);
  }
  taken.sort((left, right) => left - right);
  const at = (share: number): number => taken[Math.floor(taken.length * share)] ?? Number.NaN;
  return { p50_ms: at(0.5), p99_ms: at(0.99) };
}
