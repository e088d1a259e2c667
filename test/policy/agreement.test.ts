import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { plainSql } from '@hoop/policy/plain-sql';
import type { Statement } from '@hoop/policy/sql/facts';
import { analysePostgres } from '@hoop/policy/sql/postgres/analyse';
import { loadParser, parseStatements } from '@hoop/policy/sql/postgres/parser';
import { scanPostgres } from '@hoop/policy/sql/postgres/scan';
import { shortened } from '@hoop/policy/sql/postgres/shorten';
import { readStatement } from '@hoop/policy/sql/postgres/walk';
import { benignIn, evasionsIn } from './corpora.ts';
import { Mutations } from './mutations.ts';
import { Statements } from './statements.ts';

/** What two readers of one statement have to agree on, in an order that does not matter. */
function meaning({ operation, effects, tables, functions }: Statement): string {
  const used = tables.map(({ name, access }) => `${access} ${name}`);
  return JSON.stringify([operation, [...effects].sort(), used.sort(), [...functions].sort()]);
}

const UNREADABLE = 'PostgreSQL would not read it';

interface Compared {
  scanned: number;
  readonly differing: string[];
}

/** What each statement of a text means when all of it is parsed, or why it cannot be. */
function parsed(text: string): readonly string[] {
  try {
    return parseStatements(text).map(({ tree }) => meaning(readStatement(tree, text).done('', false)));
  } catch (error) {
    // Where in the text the parser stopped is not the same.
    return [error instanceof Error ? error.message : ''];
  }
}

/** The scanner may say nothing; what it says, the parser has to say too. A text that PostgreSQL would not run is nobody's concern. */
function compare(text: string, compared: Compared): void {
  const scanned = scanPostgres(text);
  if (!scanned) return;
  const known = analysePostgres(text, false);
  // A comment inside of `NULLS LAST` and its like is nothing to a server, but too much for this parser.
  const { statements, unclassified } = known.unclassified?.startsWith(UNREADABLE) ? analysePostgres(plainSql(text), false) : known;
  if (unclassified?.startsWith(UNREADABLE)) return;
  compared.scanned++;
  const [parsed] = statements;
  if (statements.length !== 1 || !parsed || unclassified !== undefined || meaning(parsed) !== meaning(scanned))
    compared.differing.push(
      `${text}\n  scanner ${meaning(scanned)}\n  parser  ${parsed ? meaning(parsed) : ''} ${statements.length} ${unclassified ?? ''}`,
    );
}

test('the quick reader of PostgreSQL says the same as its own parser, of thousands of statements of a grammar', async () => {
  await loadParser();
  const compared: Compared = { scanned: 0, differing: [] };
  const statements = new Statements(20_261);
  let unreadable = 0;
  for (let count = 0; count < 8_000; count++) {
    const text = statements.next();
    compare(text, compared);
    if (analysePostgres(text, false).unclassified?.startsWith(UNREADABLE)) unreadable++;
  }
  assert.deepEqual(compared.differing, []);
  assert.ok(compared.scanned >= 6_500, `only ${compared.scanned} were simple enough`);
  assert.ok(unreadable < 800, `${unreadable} of the grammar's statements are no SQL`);
});

test('and of statements that somebody bent, as far as PostgreSQL would still run them', async () => {
  await loadParser();
  const compared: Compared = { scanned: 0, differing: [] };
  const grammar = new Statements(977);
  const texts = [
    ...benignIn('postgres'),
    ...evasionsIn('postgres').map((each) => each.text),
    ...Array.from({ length: 2_000 }, () => grammar.next()),
  ];
  const mutations = new Mutations(1_789, texts);
  for (let count = 0; count < 60_000; count++) compare(mutations.next(), compared);
  const bent = compared.scanned;
  assert.ok(bent > 2_000, `${bent}`);
  for (let count = 0; count < 20_000; count++) compare(mutations.change(), compared);
  assert.deepEqual(compared.differing, []);
  assert.ok(compared.scanned > bent + 5_000, `${compared.scanned - bent} changes of rows`);
});

test('a statement that is shortened means the same, for its values say nothing of what it does', async () => {
  await loadParser();
  const statements = new Statements(4_711);
  const lists = [
    '(1, 2, 3)',
    "('a', 'it''s', $1)",
    "(1, E'\\'', 2)",
    '(1, lower(a), 2)',
    '(1)',
    "(N'x', 1)",
    '(1, (select pg_sleep(1)), 3)',
  ];
  const filler = `in (${'12345, '.repeat(100)}1)`;
  let cut = 0;
  for (let count = 0; count < 1_500; count++) {
    const list = lists[count % lists.length] ?? '';
    const texts = [
      `select * from (${statements.next().replace(/;$/, '')}) s where id ${filler} and x in ${list}`,
      `insert into t (a, b) values (1, 2), ${list}, (3, 4), ${list}, ${'(1, 2), '.repeat(80)} (lower('x'), 1) returning lower(a)`,
      `with recursive c as (${statements.next().replace(/;$/, '')}) delete from t where id ${filler} or x in ${list} /* in (1, 2) */`,
    ];
    for (const text of texts) {
      const short = shortened(text);
      if (short === undefined) continue;
      cut++;
      assert.ok(short.length < text.length);
      assert.deepEqual(parsed(short), parsed(text), text);
    }
  }
  assert.ok(cut > 3_000, `${cut}`);
});

test('and of every statement in the corpora', async () => {
  await loadParser();
  const compared: Compared = { scanned: 0, differing: [] };
  for (const text of [...benignIn('postgres'), ...evasionsIn('postgres').map((each) => each.text)]) compare(text, compared);
  assert.deepEqual(compared.differing, []);
  assert.ok(compared.scanned > 330, `${compared.scanned}`);
});

test('and of what PostgreSQL itself ships as SQL, which can be classified to the last statement but a few', async () => {
  await loadParser();
  const compared: Compared = { scanned: 0, differing: [] };
  const files = globSync('/usr/share/postgresql/*/{*.sql,extension/*.sql}');
  assert.ok(files.length > 20, 'the scripts of the PostgreSQL server package');
  let known = 0;
  const unknown: string[] = [];
  for (const file of files) {
    const texts = readFileSync(file, 'utf8')
      .replaceAll(/^\\.*$/gm, '')
      .split(/;\s*\n/);
    for (const text of texts) {
      compare(text, compared);
      const { unclassified } = analysePostgres(text, false);
      if (unclassified === undefined) known++;
      // Functions in C have no body, and a statement that was cut in the middle of a body is none.
      else if (!/body|would not read|not closed|too long/.test(unclassified))
        unknown.push(`${file}: ${unclassified}: ${text.slice(0, 100)}`);
    }
  }
  assert.deepEqual(compared.differing, []);
  assert.ok(known > 1_000, `${known}`);
  assert.ok(unknown.length < known / 50, unknown.join('\n'));
});
