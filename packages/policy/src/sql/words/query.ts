import type { Access, StatementFacts } from '../facts.ts';
import { isAlwaysTrue } from './condition.ts';
import type { Run } from './run.ts';

/** What differs between those who read statements by their words. */
export interface Dialectal {
  /** Words that may stand before a parenthesis without calling it. */
  readonly groups: ReadonlySet<string>;
  /** Words that end a list of tables, or stand in it without being one. */
  readonly clauses: ReadonlySet<string>;
  /** Double quotes may hold a text. */
  readonly isTextInDouble: boolean;
  /** `TABLE t` is a query. */
  readonly hasTableQueries: boolean;
}

interface Level {
  /** In a list of tables; a comma is followed by another one. */
  inTables: boolean;
  wantsTable: boolean;
  /** Inside a call, in which FROM is a word of its own: `trim(both from x)`. */
  isCall: boolean;
}

/**
 * The tables that are read and the functions that are called in a run of tokens, in all of its sub-selects. It would rather name one too
 * many than one too few.
 */
export function readQuery(run: Run, facts: StatementFacts, dialectal: Dialectal, startsWithTables = false): void {
  const levels: Level[] = [{ inTables: startsWithTables, wantsTable: startsWithTables, isCall: false }];
  for (let index = 0; index < run.length; index++) {
    const level = levels.at(-1) ?? { inTables: false, wantsTable: false, isCall: false };
    const symbol = run.symbol(index);
    if (symbol === '(') {
      levels.push({ inTables: level.wantsTable, wantsTable: level.wantsTable, isCall: isCallAt(run, index, dialectal) });
      level.wantsTable = false;
      continue;
    }
    if (symbol === ')') {
      if (levels.length > 1) levels.pop();
      continue;
    }
    if (symbol === ',' && level.inTables) level.wantsTable = true;
    const word = run.word(index);
    if (word === 'table' && dialectal.hasTableQueries) {
      level.inTables = true;
      level.wantsTable = true;
    } else if (
      TABLES_FOLLOW.has(word) &&
      !(word === 'from' && level.isCall) &&
      !(word === 'from' && run.word(index - 1) === 'distinct' && run.word(index - 2) !== 'select')
    ) {
      level.inTables = true;
      level.wantsTable = true;
    } else if (level.wantsTable && !PASSES.has(word)) {
      index = readTable(run, index, facts, dialectal, level);
    } else if (dialectal.clauses.has(word) && word !== 'on' && word !== 'using') {
      level.inTables = false;
      level.wantsTable = false;
    } else index = readCall(run, index, facts, dialectal);
  }
}

const TABLES_FOLLOW = new Set(['from', 'join', 'straight_join', 'apply']);
const PASSES = new Set(['only', 'lateral', 'low_priority', 'ignore', 'quick', 'high_priority', 'delayed']);

function readTable(run: Run, index: number, facts: StatementFacts, dialectal: Dialectal, level: Level): number {
  const word = run.word(index);
  if (dialectal.clauses.has(word)) {
    level.wantsTable = false;
    if (word === 'select' || word === 'values' || word === 'with') level.inTables = false;
    return index;
  }
  const found = run.name(index);
  if (!found) return index;
  level.wantsTable = false;
  if (run.symbol(found.next) === '(') facts.calls(found.name);
  if (!found.name.startsWith('@')) facts.table(found.name, 'read');
  return found.next - 1;
}

/** A name before a parenthesis is called. Gives the position of the last token that was used up. */
function readCall(run: Run, index: number, facts: StatementFacts, dialectal: Dialectal): number {
  const found = run.name(index);
  if (!found) return index;
  const isGroup = found.next === index + 1 && dialectal.groups.has(run.word(index));
  if (run.symbol(found.next) === '(' && !isGroup) facts.calls(found.name);
  return Math.max(index, found.next - 1);
}

function isCallAt(run: Run, open: number, dialectal: Dialectal): boolean {
  const before = run.at(open - 1);
  return before?.kind === 'quoted' || (before?.kind === 'word' && !dialectal.groups.has(before.text));
}

/** Names from here on, with commas between them. Gives the place behind them. */
export function readNames(run: Run, start: number, facts: StatementFacts, ...access: readonly Access[]): number {
  let at = start;
  for (;;) {
    const found = run.name(at);
    if (!found) return at;
    for (const each of access) facts.table(found.name, each);
    at = found.next;
    while (at < run.length && run.symbol(at) !== ',' && !LIST_ENDS.has(run.word(at))) at++;
    if (run.symbol(at) !== ',') return at;
    at++;
  }
}

const LIST_ENDS = new Set([
  'to',
  'set',
  'from',
  'where',
  'using',
  'cascade',
  'restrict',
  'as',
  'select',
  'add',
  'drop',
  'modify',
  'change',
  'values',
]);

/** Marks a change of all rows. `condition` is what stands behind WHERE, if there is one. */
export function judgeWhere(effect: 'update' | 'delete', condition: Run | undefined, facts: StatementFacts, dialectal: Dialectal): void {
  if (!condition || isAlwaysTrue(condition, dialectal.isTextInDouble)) facts.does(`${effect}_without_where`);
}

/** What stands behind the WHERE of a run, up to the clauses that may follow it. */
export function conditionOf(run: Run, start: number): Run | undefined {
  const where = run.findOutside((index) => run.word(index) === 'where', start);
  if (where === undefined) return undefined;
  const end = run.findOutside((index) => CONDITION_ENDS.has(run.word(index)), where + 1);
  return run.cut(where + 1, end);
}

const CONDITION_ENDS = new Set(['order', 'limit', 'returning', 'group', 'having', 'option', 'output', 'union']);
