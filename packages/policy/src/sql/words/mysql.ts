import { Doubt, type Effect, type Facts, type Statement, StatementFacts } from '../facts.ts';
import { LEXICONS, type Lexicon, type Token, tokensOf } from '../tokens.ts';
import { readAltered, readKin, readSettings, readShown, readStorage } from './mysql-parts.ts';
import { conditionOf, type Dialectal, judgeWhere, readNames, readQuery } from './query.ts';
import { Run } from './run.ts';

/**
 * What a text does for MySQL and MariaDB, by its words. Where the server's mode decides what a quote means, the text is read in every
 * mode, and must mean the same in all in which it can be read at all. Never throws.
 */
export function analyseMysql(text: string): Facts {
  const lexicons = /\\['"]/.test(text) ? [LEXICONS.mysql, ...OTHER_MODES] : [LEXICONS.mysql];
  let facts: Facts | undefined;
  let why = 'it could not be read';
  for (const lexicon of lexicons) {
    const reading = readIn(lexicon, text);
    if (reading instanceof Doubt) {
      why = reading.message;
      continue;
    }
    if (facts && meaning(facts) !== meaning(reading))
      return { ...facts, unclassified: 'what its quotes mean depends on a setting of the server' };
    facts ??= reading;
  }
  return facts ?? { statements: [], unclassified: why };
}

/** NO_BACKSLASH_ESCAPES, and ANSI_QUOTES. */
const OTHER_MODES: readonly Lexicon[] = [
  { dialect: 'mysql', backslash: false, backslashInDouble: false },
  { dialect: 'mysql', backslash: true, backslashInDouble: false },
];

function readIn(lexicon: Lexicon, text: string): Facts | Doubt {
  let tokens: readonly Token[];
  try {
    tokens = tokensOf(text, lexicon);
  } catch (error) {
    if (error instanceof Doubt) return error;
    throw error;
  }
  return factsOf(tokens, text);
}

function meaning({ statements, unclassified }: Facts): string {
  return JSON.stringify([statements.map(({ effects, tables, functions }) => [effects, tables, functions]), unclassified]);
}

function factsOf(tokens: readonly Token[], text: string): Facts {
  const statements: Statement[] = [];
  let doubt: string | undefined;
  for (const run of statementsOf(new Run(tokens))) {
    const facts = read(run, 0);
    doubt ??= facts.doubt;
    statements.push(facts.done(run.textIn(text), false));
  }
  return doubt === undefined ? { statements } : { statements, unclassified: doubt };
}

/** Cut at semicolons; what has a body keeps all that follows, because its semicolons are its own. */
function statementsOf(all: Run): readonly Run[] {
  const runs: Run[] = [];
  let from = 0;
  for (let index = 0; index <= all.length; index++) {
    if (index < all.length && all.symbol(index) !== ';') continue;
    const isRest = hasBody(all.cut(from, index));
    const run = all.cut(from, isRest ? all.length : index);
    if (run.length > 0) runs.push(run);
    if (isRest) break;
    from = index + 1;
  }
  return runs;
}

function hasBody(run: Run): boolean {
  if (isBlock(run)) return true;
  if (run.word(0) !== 'create' && run.word(0) !== 'alter') return false;
  return /^(procedure|function|trigger|event|package)$/.test(objectOf(run).word);
}

/** `BEGIN NOT ATOMIC …`, and in MariaDB's mode of Oracle `BEGIN …` alone. */
function isBlock(run: Run): boolean {
  return run.word(0) === 'begin' && run.length > 1 && run.word(1) !== 'work';
}

/** What a CREATE, ALTER or DROP is about: the first word that names a kind of object, and is not whoever it is made for. */
function objectOf(run: Run): { word: string; at: number } {
  for (let at = 1; at < Math.min(run.length, OBJECT_WITHIN); at++) {
    const isDefiner = run.symbol(at - 1) === '=' && run.word(at - 2) === 'definer';
    if (OBJECTS.has(run.word(at)) && !isDefiner) return { word: run.word(at), at };
  }
  return { word: '', at: 1 };
}

/** `CREATE OR REPLACE ALGORITHM = MERGE DEFINER = a@b SQL SECURITY INVOKER VIEW`. */
const OBJECT_WITHIN = 20;
const OBJECTS = new Set(
  'table view procedure function trigger event package user role database schema index server tablespace logfile sequence resource instance spatial'.split(
    ' ',
  ),
);

const DEPTH_MAX = 5;

const READERS: Readonly<Record<string, (run: Run, facts: StatementFacts, depth: number) => void>> = {
  select: readSelect,
  values: readSelect,
  table: (run, facts) => {
    facts.does('select');
    readNames(run, 1, facts, 'read');
    readSelect(run, facts);
  },
  with: readWith,
  insert: readInsert,
  replace: (run, facts) => {
    facts.does('update');
    readInsert(run, facts);
  },
  update: readUpdate,
  delete: readDelete,
  truncate: (run, facts) => {
    facts.does('truncate');
    readNames(run, run.word(1) === 'table' ? 2 : 1, facts, 'write');
  },
  create: readCreate,
  alter: readDefinition,
  drop: readDefinition,
  rename: (run, facts) => {
    facts.does('alter');
    if (run.word(1) === 'user') facts.does('grant');
    else readNames(run, 2, facts, 'write');
  },
  grant: readGrant,
  revoke: readGrant,
  set: readSet,
  explain: readExplain,
  describe: readExplain,
  desc: readExplain,
  analyze: readExplain,
  call: (run, facts) => {
    facts.does('call');
    const name = run.name(1)?.name ?? '';
    facts.calls(name);
    if (RUNS_TEXT.test(name)) facts.doubts('it runs a text that is not read here');
    readQuery(run.cut(1), facts, DIALECT);
  },
  do: (run, facts) => {
    facts.does('select');
    readQuery(run.cut(1), facts, DIALECT);
  },
  prepare: (run, facts, depth) => {
    facts.does('prepare');
    const from = run.findOutside((index) => run.word(index) === 'from') ?? run.length;
    readString(run.cut(from + 1), facts, depth);
  },
  execute: (run, facts, depth) => {
    facts.does('execute');
    if (run.word(1) === 'immediate') readString(run.cut(2), facts, depth);
    else facts.doubts('EXECUTE runs what was prepared before, which does not stand here');
  },
  load: (run, facts) => {
    facts.does('insert', 'file_read');
    const into = run.findOutside((index) => run.word(index) === 'table' && run.word(index - 1) === 'into');
    if (into !== undefined) readNames(run, into + 1, facts, 'write');
    readQuery(run, facts, DIALECT);
  },
  handler: (run, facts) => {
    facts.does('select');
    readNames(run, 1, facts, 'read');
  },
  lock: (run, facts) => {
    facts.does('lock');
    readNames(run, 2, facts, 'read');
  },
  install: (_, facts) => facts.does('program'),
  binlog: (_, facts) => facts.doubts('BINLOG runs changes that cannot be read here'),
  import: (_, facts) => facts.does('create', 'file_read'),
  clone: (run, facts) => facts.does(...(run.word(1) === 'instance' ? (['drop'] as const) : []), 'file_write'),
  checksum: (run, facts) => {
    facts.does('other');
    readNames(run, 2, facts, 'read');
  },
  show: (run, facts) => {
    facts.does('show');
    readQuery(run, facts, DIALECT);
    readShown(run, facts);
  },
  begin: (run, facts, depth) => {
    if (isBlock(run)) readBody(run, facts, depth);
    else facts.does('transaction');
  },
};

/** Procedures of the schema `sys` that run a text. */
const RUNS_TEXT = /(^|\.)(execute_prepared_stmt|statement_performance_analyzer)$/i;

/** Statements of which the first word says enough. */
const SIMPLE: Readonly<Record<string, Effect>> = {
  ...Object.fromEntries('start commit rollback savepoint release xa'.split(' ').map((word) => [word, 'transaction' as const])),
  ...Object.fromEntries(
    'deallocate unlock optimize repair check flush reset purge kill change stop uninstall shutdown cache restart help'
      .split(' ')
      .map((word) => [word, 'other' as const]),
  ),
  use: 'set',
};

function read(whole: Run, depth: number): StatementFacts {
  const facts = new StatementFacts();
  let run = whole;
  while (run.symbol(0) === '(') run = run.cut(1);
  const first = run.word(0);
  const reader = Object.hasOwn(READERS, first) ? READERS[first] : undefined;
  const simple = Object.hasOwn(SIMPLE, first) ? SIMPLE[first] : undefined;
  if (depth > DEPTH_MAX) facts.doubts('texts are nested too deeply');
  else if (reader) reader(run, facts, depth);
  else if (simple) facts.does(simple);
  else facts.doubts(`it begins with ${first === '' ? 'something' : first.slice(0, 40)} that is not known here`);
  return facts;
}

function readSelect(run: Run, facts: StatementFacts): void {
  facts.does('select');
  for (let index = 1; index < run.length; index++) {
    if (run.word(index) === 'into' && /^(outfile|dumpfile)$/.test(run.word(index + 1))) facts.does('file_write');
  }
  readQuery(run, facts, DIALECT);
}

/** `WITH a AS (…), b AS (…) SELECT|UPDATE|DELETE …`. */
function readWith(run: Run, facts: StatementFacts, depth: number): void {
  const verb = run.findOutside((index) => /^(select|update|delete|insert|replace|values|table)$/.test(run.word(index)), 1);
  if (verb === undefined) {
    facts.doubts('a WITH without a statement behind it');
    return;
  }
  facts.does('select');
  readQuery(run.cut(0, verb), facts, DIALECT);
  facts.include(read(run.cut(verb), depth + 1));
}

function readInsert(run: Run, facts: StatementFacts): void {
  facts.does('insert');
  let at = 1;
  while (/^(low_priority|delayed|high_priority|ignore|into)$/.test(run.word(at))) at++;
  const target = run.name(at);
  if (!target) {
    facts.doubts('an INSERT without a table');
    return;
  }
  facts.table(target.name, 'write');
  let next = target.next;
  if (run.symbol(next) === '(' && run.word(next + 1) !== 'select') next = run.behind(next);
  const rest = run.cut(next);
  const returns = rest.findOutside((index) => rest.word(index) === 'returning') !== undefined;
  const changes = rest.findOutside((index) => rest.word(index) === 'duplicate' && rest.word(index + 1) === 'key') !== undefined;
  if (changes) facts.does('update');
  if (returns || changes) facts.table(target.name, 'read');
  if (rest.findOutside((index) => rest.word(index) === 'select' || rest.word(index) === 'table') !== undefined || hasSelect(rest))
    facts.does('select');
  readQuery(rest, facts, DIALECT);
}

function hasSelect(run: Run): boolean {
  return hasWord(run, 'select');
}

function hasWord(run: Run, word: string): boolean {
  for (let index = 0; index < run.length; index++) if (run.word(index) === word) return true;
  return false;
}

function readUpdate(run: Run, facts: StatementFacts): void {
  facts.does('update');
  const set = run.findOutside((index) => run.word(index) === 'set') ?? run.length;
  readTargets(run.cut(1, set), facts);
  judgeWhere('update', conditionOf(run, set), facts, DIALECT);
  readQuery(run.cut(set), facts, DIALECT);
  if (hasSelect(run)) facts.does('select');
}

function readDelete(run: Run, facts: StatementFacts): void {
  facts.does('delete');
  const where = run.findOutside((index) => run.word(index) === 'where') ?? run.length;
  let at = 1;
  while (/^(low_priority|quick|ignore)$/.test(run.word(at))) at++;
  if (run.word(at) !== 'from') readTargets(run.cut(at, run.findOutside((index) => run.word(index) === 'from') ?? where), facts);
  readTargets(run.cut(at, where), facts);
  judgeWhere('delete', conditionOf(run, 1), facts, DIALECT);
  readQuery(run.cut(where), facts, DIALECT);
  if (hasSelect(run)) facts.does('select');
}

/** Tables that a change names anywhere before its SET or WHERE: which of them it changes only the server could say. */
function readTargets(run: Run, facts: StatementFacts): void {
  const found = new StatementFacts();
  readQuery(run, found, DIALECT, true);
  facts.includeUses(found, 'write');
  facts.includeUses(found, 'read');
}

function readCreate(run: Run, facts: StatementFacts, depth: number): void {
  readDefinition(run, facts, depth);
  const { word, at } = objectOf(run);
  if (hasBody(run)) {
    if (run.findOutside((index) => run.word(index) === 'soname') !== undefined) facts.does('program');
    readBody(run.cut(at + 1), facts, depth);
  } else if ((word === 'table' || word === 'view') && (hasSelect(run) || hasWord(run.cut(at + 1), 'table'))) {
    facts.does('select');
    readQuery(run.cut(at + 1), facts, DIALECT);
  } else if (word === 'table') {
    for (let index = at; index < run.length; index++) {
      if (/^(default|as|check)$/.test(run.word(index)) && run.symbol(index + 1) === '(')
        readQuery(run.cut(index + 2, run.behind(index + 1) - 1), facts, DIALECT);
    }
  }
}

function readDefinition(run: Run, facts: StatementFacts, depth: number): void {
  const verb = run.word(0);
  facts.does(verb === 'drop' ? 'drop' : verb === 'alter' ? 'alter' : 'create');
  const { word, at } = objectOf(run);
  // What is replaced, and what is in a partition that goes, is gone.
  if (verb === 'create' && run.word(1) === 'or' && /^(table|database|schema|sequence)$/.test(word)) facts.does('drop');
  if (verb === 'alter' && word === 'table') readAltered(run.cut(at), facts);
  if (!hasBody(run)) readStorage(run.cut(at), facts);
  if (word === 'user' || word === 'role') facts.does(verb === 'drop' ? 'revoke' : 'grant');
  if (verb === 'alter' && hasBody(run)) readBody(run.cut(at + 1), facts, depth);
  if (word === 'index' || word === 'trigger') {
    const on = run.findOutside((index) => run.word(index) === 'on', at);
    if (on !== undefined) readNames(run, on + 1, facts, 'write');
  } else if (word === 'table' || word === 'view' || word === 'sequence') {
    let next = at + 1;
    while (/^(if|not|exists|ignore|wait|nowait)$/.test(run.word(next))) next++;
    readNames(run, next, facts, 'write');
    readKin(run.cut(next), facts);
  } else if (word === '') facts.doubts(`what its ${verb.toUpperCase()} is about is not known here`);
}

const BODY_VERBS =
  /^(insert|replace|update|delete|truncate|create|alter|drop|rename|grant|revoke|load|call|prepare|execute|handler|select|table|values|set|do|with|lock|install)$/;
/** Words that are functions, too. */
const FUNCTIONS = /^(insert|replace|truncate|values)$/;
/** Words that stand in the middle of statements too. */
const LATER = /^(set|table|values)$/;
const BEFORE_STATEMENT = /^(begin|then|else|do|loop|repeat|row|atomic|return|immediate|data|sql|deterministic)$/;

/** Words that may be read of one body. Where a statement ends is not always known, so some are read more than once. */
const BODY_WORK_MAX = 50_000;

function nextSemicolon(run: Run, start: number): number {
  for (let at = start; at < run.length; at++) if (run.symbol(at) === ';') return at;
  return run.length;
}

/** The body of a routine: what its statements do, the routine may do. */
function readBody(body: Run, facts: StatementFacts, depth: number): void {
  let work = 0;
  for (let index = 0; index < body.length; index++) {
    const word = body.word(index);
    if (!BODY_VERBS.test(word) || body.symbol(index - 1) === '.') continue;
    const before = body.word(index - 1);
    const isStart = body.symbol(index - 1) === ';' || body.symbol(index - 1) === ':' || BEFORE_STATEMENT.test(before);
    const isCall = FUNCTIONS.test(word) && body.symbol(index + 1) === '(' && !isStart;
    // `BEFORE DELETE ON t`; a trigger may be called so too, in front of what follows it.
    const isOfTrigger = /^(after|before)$/.test(before) && body.word(index + 1) === 'on';
    // `SELECT … FOR UPDATE`, and `SET STATEMENT … FOR UPDATE t SET …`.
    const isLock = before === 'for' && word === 'update' && !hasWord(body.cut(index, nextSemicolon(body, index)), 'set');
    if (isCall || isOfTrigger || isLock || /^(on|or)$/.test(before) || (LATER.test(word) && !isStart)) continue;
    const end = nextSemicolon(body, index);
    work += end - index;
    if (work > BODY_WORK_MAX) {
      facts.doubts('its body is too long to be read in time');
      return;
    }
    facts.include(read(body.cut(index, end), depth + 1));
  }
  readQuery(body, facts, DIALECT);
}

function readGrant(run: Run, facts: StatementFacts): void {
  facts.does(run.word(0) === 'grant' ? 'grant' : 'revoke');
  const on = run.findOutside((index) => run.word(index) === 'on');
  if (on !== undefined) readNames(run, run.word(on + 1) === 'table' ? on + 2 : on + 1, facts, 'write');
}

const CHARSETS_READ = /^(utf8|utf8mb3|utf8mb4|ascii|latin1|binary|default)$/;

function readSet(run: Run, facts: StatementFacts, depth: number): void {
  facts.does('set');
  if (run.word(1) === 'statement') {
    const inner = run.findOutside((index) => run.word(index) === 'for');
    if (inner === undefined) facts.doubts('SET STATEMENT without its statement');
    else facts.include(read(run.cut(inner + 1), depth + 1));
    return;
  }
  for (const text of readSettings(run, facts)) readString(text, facts, depth);
  for (let index = 1; index < run.length; index++) {
    const name = run.word(index).replace(/^@@(\w+\.)?/, '');
    const isCharset =
      name === 'names' ||
      (name === 'set' && /^(character|char)$/.test(run.word(index - 1))) ||
      name === 'charset' ||
      name === 'character_set_client';
    if (!isCharset) continue;
    const value =
      run.at(/^[=:]$/.test(run.symbol(index + 1)) ? index + (run.symbol(index + 2) === '=' ? 3 : 2) : index + 1)?.text.toLowerCase() ?? '';
    if (!CHARSETS_READ.test(value)) facts.doubts(`after a change of the character set the same bytes can be another statement`);
  }
  if (hasSelect(run)) facts.does('select');
  readQuery(run, facts, DIALECT);
}

/** EXPLAIN only looks; with ANALYZE, which MariaDB also has alone, what it explains is run. */
function readExplain(run: Run, facts: StatementFacts, depth: number): void {
  const first = run.word(0);
  if (first === 'analyze' && /^(table|local|no_write_to_binlog)$/.test(run.word(1))) {
    facts.does('other');
    return;
  }
  facts.does('explain');
  const inner = run.findOutside((index) => /^(select|update|delete|insert|replace|with|table|values)$/.test(run.word(index)), 1);
  const runs = first === 'analyze' || run.findOutside((index) => run.word(index) === 'analyze') !== undefined;
  if (inner === undefined) {
    facts.does('select');
    readNames(run, 1, facts, 'read');
    if (runs || run.symbol(1) === '(') facts.doubts('what it explains is not known here');
    return;
  }
  const found = read(run.cut(inner), depth + 1);
  if (runs) facts.include(found);
  else {
    facts.does('select');
    facts.includeUses(found, 'read');
  }
}

/** A statement in a string. */
function readString(run: Run, facts: StatementFacts, depth: number): void {
  const token = run.at(0);
  const isWhole = run.length === 1 && (token?.kind === 'string' || token?.kind === 'ambiguous') && !token.text.includes('\\');
  if (!token || !isWhole) {
    facts.doubts('it runs a text that cannot be read here');
    return;
  }
  try {
    for (const each of statementsOf(new Run(tokensOf(token.text, LEXICONS.mysql)))) facts.include(read(each, depth + 1));
  } catch (error) {
    if (!(error instanceof Doubt)) throw error;
    facts.doubts(error.message);
  }
}

const DIALECT: Dialectal = {
  groups: new Set(
    'in and or not xor on where when then else case having by any some all exists between like is select distinct from join using limit offset union except intersect values set returning as row key index primary unique into table partition div mod binary rlike regexp check end if interval foreign with over recursive'.split(
      ' ',
    ),
  ),
  clauses: new Set(
    'where group order having limit union except intersect window set on using for into procedure select values with left right inner outer cross natural join straight_join lock partition use force ignore as returning fetch offset'.split(
      ' ',
    ),
  ),
  isTextInDouble: true,
  hasTableQueries: true,
};
