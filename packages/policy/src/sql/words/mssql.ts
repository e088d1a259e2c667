import { Doubt, type Effect, type Facts, type Statement, StatementFacts, type Trait } from '../facts.ts';
import { LEXICONS, type Token, tokensOf } from '../tokens.ts';
import { partsOf } from './mssql-parts.ts';
import { conditionOf, type Dialectal, judgeWhere, readNames, readQuery } from './query.ts';
import { Run } from './run.ts';

/** What a text does for SQL Server, by its words. Never throws. */
export function analyseMssql(text: string): Facts {
  let tokens: readonly Token[];
  try {
    tokens = tokensOf(text, LEXICONS.mssql);
  } catch (error) {
    if (!(error instanceof Doubt)) throw error;
    return { statements: [], unclassified: error.message };
  }
  const statements: Statement[] = [];
  let doubt: string | undefined;
  try {
    for (const { facts, run } of readBatch(new Run(tokens), 0)) {
      doubt ??= facts.doubt;
      statements.push(facts.done(run.textIn(text), false));
    }
  } catch (error) {
    if (!(error instanceof Doubt)) throw error;
    doubt = error.message;
  }
  return doubt === undefined ? { statements } : { statements, unclassified: doubt };
}

const DEPTH_MAX = 5;

interface Read {
  readonly facts: StatementFacts;
  run: Run;
}

function readBatch(all: Run, depth: number): readonly Read[] {
  const reads: Read[] = [];
  for (const { run, continues } of partsOf(all)) {
    const facts = readPart(run, depth);
    const last = reads.at(-1);
    if (continues && last) {
      last.facts.include(facts);
      last.run = new Run(all.tokens, last.run.from, run.to);
    } else reads.push({ facts, run });
  }
  return reads;
}

const READERS: Readonly<Record<string, (run: Run, facts: StatementFacts, depth: number) => void>> = {
  select: (run, facts) => {
    facts.does('select');
    const into = run.findOutside((index) => run.word(index) === 'into');
    if (into !== undefined) {
      facts.does('create', 'select_into');
      readNames(run.cut(into + 1, into + 6), 0, facts, 'write');
    }
    readQuery(run, facts, DIALECT);
    doubtRemote(facts);
  },
  insert: readInsert,
  update: (run, facts) => readChange('update', run, facts),
  delete: (run, facts) => readChange('delete', run, facts),
  merge: readMerge,
  with: (run, facts) => {
    facts.does('select');
    readQuery(run, facts, DIALECT);
  },
  truncate: (run, facts) => {
    facts.does('truncate');
    readNames(run, 2, facts, 'write');
  },
  create: readDefinition,
  alter: readDefinition,
  drop: readDefinition,
  grant: readGrant,
  revoke: readGrant,
  deny: readGrant,
  exec: readExecute,
  execute: readExecute,
  bulk: (_, facts) => facts.does('insert', 'file_read'),
  copy: (_, facts) => facts.does('insert', 'file_read'),
  dbcc: (run, facts) => facts.does(run.word(1) === 'addextendedproc' ? 'program' : 'other'),
  backup: (run, facts) => {
    facts.does('other', 'file_write');
    readQuery(run, facts, DIALECT);
  },
  restore: (_, facts) => facts.does('other', 'file_read'),
  set: (run, facts) => {
    facts.does('set');
    const setting = run.word(1);
    if (/^(quoted_identifier|ansi_defaults|parseonly|noexec|fmtonly)$/.test(setting))
      facts.doubts(`after SET ${setting.toUpperCase()} the same text can be another statement`);
    readQuery(run, facts, DIALECT);
  },
  setuser: (_, facts) => facts.does('set_role'),
  revert: (_, facts) => facts.does('set_role'),
  use: (_, facts) => facts.does('set'),
  begin: (run, facts) => {
    if (/^(tran|transaction|distributed)$/.test(run.word(1))) facts.does('transaction');
  },
  end: () => undefined,
  enable: (_, facts) => facts.does('alter'),
  disable: (_, facts) => facts.does('alter'),
  add: (_, facts) => facts.does('alter'),
};

const SIMPLE: Readonly<Record<string, Effect>> = {
  commit: 'transaction',
  rollback: 'transaction',
  save: 'transaction',
  ...Object.fromEntries(
    'kill shutdown reconfigure waitfor print raiserror checkpoint close deallocate open fetch updatetext writetext readtext throw declare if while else return goto break continue move receive send'
      .split(' ')
      .map((word) => [word, 'other' as const]),
  ),
};

function readPart(run: Run, depth: number): StatementFacts {
  const facts = new StatementFacts();
  let body = run;
  while (body.symbol(0) === '(') body = body.cut(1);
  const first = body.word(0);
  if (depth > DEPTH_MAX) facts.doubts('texts are nested too deeply');
  else if (Object.hasOwn(READERS, first)) READERS[first]?.(body, facts, depth);
  else if (Object.hasOwn(SIMPLE, first)) {
    const effect = SIMPLE[first] ?? 'other';
    if (effect !== 'other' || !QUIET.test(first)) facts.does(effect);
    readQuery(body, facts, DIALECT);
    if (hasWord(body, 'select')) facts.does('select');
  } else if (body.symbol(1) === ':') facts.does('other');
  else if (body.name(0)) readProcedure(body, 0, facts, depth);
  else facts.doubts('it begins with something that is not known here');
  if (depth <= DEPTH_MAX) readInner(body, facts, depth);
  return facts;
}

/** `SELECT … FROM (DELETE … OUTPUT …) d`: changes whose rows others take. */
function readInner(run: Run, facts: StatementFacts, depth: number): void {
  for (let index = 1; index + 1 < run.length; index++) {
    // `IF (UPDATE (column))` is a question of triggers.
    const isQuestion = run.word(index + 1) === 'update' && run.symbol(index + 2) === '(';
    if (run.symbol(index) !== '(' || isQuestion || !/^(insert|update|delete|merge)$/.test(run.word(index + 1))) continue;
    const end = run.behind(index);
    facts.include(readPart(run.cut(index + 1, run.symbol(end - 1) === ')' ? end - 1 : end), depth + 1));
    index = end - 1;
  }
}

/** They do nothing by themselves. */
const QUIET = /^(if|while|else|return|goto|break|continue|declare)$/;

function hasWord(run: Run, word: string): boolean {
  for (let index = 0; index < run.length; index++) if (run.word(index) === word) return true;
  return false;
}

function behindTop(run: Run, index: number): number {
  if (run.word(index) !== 'top') return index;
  const next = run.symbol(index + 1) === '(' ? run.behind(index + 1) : index + 2;
  return run.word(next) === 'percent' ? next + 1 : next;
}

function readInsert(run: Run, facts: StatementFacts): void {
  facts.does('insert');
  let at = behindTop(run, 1);
  if (run.word(at) === 'into') at++;
  const target = run.name(at);
  if (!target) {
    facts.doubts('an INSERT without a table');
    return;
  }
  if (run.symbol(target.next) === '(' && /^(openrowset|openquery|opendatasource)$/.test(target.name))
    readQuery(run.cut(at), facts, DIALECT);
  facts.table(target.name, 'write');
  if (hasWord(run, 'output')) facts.table(target.name, 'read');
  const columns = run.symbol(target.next) === '(' ? run.behind(target.next) : target.next;
  readQuery(run.cut(columns), facts, DIALECT);
  doubtRemote(facts);
}

function readChange(effect: 'update' | 'delete', run: Run, facts: StatementFacts): void {
  if (effect === 'update' && run.word(1) === 'statistics') {
    facts.does('other');
    return;
  }
  facts.does(effect);
  let at = behindTop(run, 1);
  if (run.word(at) === 'from') at++;
  const target = run.name(at);
  if (target && !target.name.startsWith('@')) {
    facts.table(target.name, 'write');
    facts.table(target.name, 'read');
  } else if (!target) facts.doubts('a change without a table');
  const rest = run.cut(target?.next ?? at);
  const others = new StatementFacts();
  readQuery(rest, others, DIALECT);
  facts.includeUses(others, 'read');
  // `UPDATE t SET … FROM users t`: the target is an alias.
  const from = rest.findOutside((index) => rest.word(index) === 'from');
  if (from !== undefined) {
    const joined = new StatementFacts();
    readQuery(
      rest.cut(
        from,
        rest.findOutside((index) => rest.word(index) === 'where', from),
      ),
      joined,
      DIALECT,
    );
    facts.includeUses(joined, 'write');
  }
  judgeWhere(effect, conditionOf(rest, 0), facts, DIALECT);
  if (hasWord(rest, 'select')) facts.does('select');
  doubtRemote(facts);
}

function readMerge(run: Run, facts: StatementFacts): void {
  facts.does('merge');
  let at = behindTop(run, 1);
  if (run.word(at) === 'into') at++;
  const target = run.name(at);
  if (target) for (const access of ['write', 'read'] as const) facts.table(target.name, access);
  const using = run.findOutside((index) => run.word(index) === 'using');
  const on = run.findOutside((index) => run.word(index) === 'on', using ?? 0);
  const when = run.findOutside((index) => run.word(index) === 'when', on ?? 0);
  if (using !== undefined) readQuery(run.cut(using + 1), facts, DIALECT, true);
  const everything = new StatementFacts();
  judgeWhere('delete', on === undefined ? undefined : run.cut(on + 1, when), everything, DIALECT);
  for (let index = 0; index < run.length; index++) {
    if (run.word(index - 1) !== 'then') continue;
    const word = run.word(index);
    if (word === 'insert') facts.does('insert');
    if (word !== 'update' && word !== 'delete') continue;
    facts.does(word);
    if (everything.effects.size > 0) facts.does(`${word}_without_where`);
  }
}

/** By the word, or the words, behind the verb. */
const RIGHTS_OBJECTS =
  /^(login|user|role|credential|certificate|authorization|asymmetric|symmetric|master|server|application role|security policy|database scoped credential)\b/;
const TABLES = /^(table|view|index|synonym|sequence)$/;

function readDefinition(run: Run, facts: StatementFacts, depth: number): void {
  const verb = run.word(0);
  facts.does(verb === 'drop' ? 'drop' : verb === 'alter' ? 'alter' : 'create');
  let at = 1;
  while (/^(or|alter|unique|clustered|nonclustered|external|columnstore)$/.test(run.word(at))) at++;
  const kind = run.word(at);
  if (RIGHTS_OBJECTS.test([kind, run.word(at + 1), run.word(at + 2)].join(' '))) facts.does(verb === 'drop' ? 'revoke' : 'grant');
  if (/^(assembly|library|language)$/.test(kind)) facts.does('program');
  if (!BODIES.test(kind)) readPlaces(run, at, facts);
  if (kind === 'trigger' || kind === 'index') {
    const on = run.findOutside((index) => run.word(index) === 'on', at);
    if (on !== undefined) readNames(run.cut(on + 1, on + 8), 0, facts, 'write');
  } else if (TABLES.test(kind)) {
    let next = at + 1;
    while (/^(if|exists)$/.test(run.word(next))) next++;
    readNames(run, next, facts, 'write');
  }
  // `CREATE VIEW v AS WITH … SELECT`, `CREATE PROCEDURE p AS xp_cmdshell …`
  const as = run.findOutside((index) => run.word(index) === 'as', at);
  if (as !== undefined && BODIES.test(kind)) {
    const body = run.cut(as + 1);
    if (body.length > 0 && body.name(0) && !/^(begin|external|@.*)$/.test(body.word(0)) && kind !== 'function')
      facts.include(readPart(body, depth + 1));
    else readQuery(body, facts, DIALECT);
  }
  doubtRemote(facts);
}

const BODIES = /^(procedure|proc|function|trigger|view)$/;

/** Files of the server, tables elsewhere, and what is dropped of a table, or moved out of it. */
function readPlaces(run: Run, at: number, facts: StatementFacts): void {
  const kind = run.word(at);
  for (let index = at; index < run.length; index++) {
    if (/^(filename|filepath)$/.test(run.word(index)) && run.symbol(index + 1) === '=') facts.does('file_write');
    // The first of a list says what the others are, too.
    if (kind === 'table' && run.word(index) === 'drop' && run.word(index + 1) === 'column') facts.does('drop');
    if (kind === 'table' && run.word(index) === 'switch') facts.does('truncate');
    if (kind === 'database' && run.word(index) === 'trustworthy' && run.word(index + 1) === 'on') facts.does('grant');
  }
  const isOutside = run.word(at - 1) === 'external' && /^(table|data)$/.test(kind);
  if (isOutside && run.word(0) !== 'drop') facts.does('file_read', 'file_write');
}

function readGrant(run: Run, facts: StatementFacts): void {
  facts.does(run.word(0) === 'grant' ? 'grant' : 'revoke');
  const on = run.findOutside((index) => run.word(index) === 'on');
  if (on === undefined) return;
  const at = run.symbol(on + 2) === ':' ? on + 4 : on + 1;
  const found = run.name(at);
  if (found) facts.table(found.name, 'write');
}

function readExecute(run: Run, facts: StatementFacts, depth: number): void {
  if (run.word(1) === 'as') {
    facts.does('set_role');
    return;
  }
  if (run.symbol(1) === '(') {
    facts.does('execute');
    const end = run.behind(1);
    const isHere = end === run.length;
    readString(isHere ? run.cut(2, end - 1) : run.cut(run.length), facts, depth);
    return;
  }
  // `EXEC @result = procedure`.
  const at = run.word(1).startsWith('@') && run.symbol(2) === '=' ? 3 : 1;
  readProcedure(run, at, facts, depth);
}

/** Procedures that do more than their own rights say. */
const PROCEDURES: Readonly<Record<string, readonly (Effect | Trait)[]>> = {
  xp_cmdshell: ['program'],
  sp_execute_external_script: ['program'],
  sp_oacreate: ['program'],
  sp_oamethod: ['program'],
  sp_addextendedproc: ['program'],
  sp_configure: ['alter'],
  sp_rename: ['alter'],
  sp_addrolemember: ['grant'],
  sp_addsrvrolemember: ['grant'],
  sp_addlogin: ['grant'],
  sp_adduser: ['grant'],
  sp_grantlogin: ['grant'],
  sp_grantdbaccess: ['grant'],
  sp_password: ['grant'],
  sp_changedbowner: ['grant'],
  sp_droprolemember: ['revoke'],
  sp_dropsrvrolemember: ['revoke'],
  ...Object.fromEntries(
    'sp_addrole sp_addapprole sp_addalias sp_addremotelogin sp_addlinkedsrvlogin sp_change_users_login sp_defaultdb sp_approlepassword'
      .split(' ')
      .map((name) => [name, ['grant'] as const]),
  ),
  ...Object.fromEntries(
    'sp_droplogin sp_dropuser sp_droprole sp_dropapprole sp_dropalias sp_dropremotelogin sp_droplinkedsrvlogin sp_revokelogin sp_revokedbaccess sp_denylogin'
      .split(' ')
      .map((name) => [name, ['revoke'] as const]),
  ),
  sp_setapprole: ['set_role'],
  sp_unsetapprole: ['set_role'],
  ...Object.fromEntries(
    'sp_dbremove sp_detach_db sp_dropserver sp_droptype sp_dropextendedproc sp_delete_job sp_msdropobject'
      .split(' ')
      .map((name) => [name, ['drop'] as const]),
  ),
  xp_dirtree: ['file_read'],
  xp_fileexist: ['file_read'],
  xp_subdirs: ['file_read'],
};

/** Procedures that run a text, or one for many things. */
const RUNS_TEXT =
  /^(sp_prepare|sp_prepexec|sp_prepexecrpc|sp_execute|sp_cursor.*|sp_msforeach.*|sp_add_job.*|sp_update_jobstep|sp_executesql|sp_execute_remote|sp_create_openrowset_statistics|sp_makewebtask|sp_execresultset|xp_execresultset|sp_execute_external_script|sp_send_dbmail|sp_createorphan|sp_oamethod)$/;

function readProcedure(run: Run, at: number, facts: StatementFacts, depth: number): void {
  const found = run.name(at);
  if (!found || found.name.startsWith('@')) {
    facts.does('execute');
    facts.doubts('which procedure it runs does not stand here');
    return;
  }
  const bare = found.name.slice(found.name.lastIndexOf('.') + 1).toLowerCase();
  facts.does('call');
  facts.calls(found.name);
  if (Object.hasOwn(PROCEDURES, bare)) facts.does(...(PROCEDURES[bare] ?? []));
  if (bare.startsWith('xp_reg')) facts.does('program');
  if (bare === 'sp_executesql') readString(firstArgument(run.cut(found.next)), facts, depth);
  else if (RUNS_TEXT.test(bare)) facts.doubts(`${bare} runs a text that is not read here`);
  readQuery(run.cut(found.next), facts, DIALECT);
}

/** `N'…', N'@id int', @id = 1` or `@stmt = N'…', …`. */
function firstArgument(run: Run): Run {
  const argument = run.cut(
    0,
    run.findOutside((index) => run.symbol(index) === ','),
  );
  return argument.word(0) === '@stmt' && argument.symbol(1) === '=' ? argument.cut(2) : argument;
}

/** A statement in a string. */
function readString(run: Run, facts: StatementFacts, depth: number): void {
  const text = run.word(0) === 'n' ? run.at(1) : run.at(0);
  const length = run.word(0) === 'n' ? 2 : 1;
  if (run.length !== length || (text?.kind !== 'string' && text?.kind !== 'ambiguous')) {
    facts.doubts('it runs a text that is put together, or is not there');
    return;
  }
  try {
    for (const each of readBatch(new Run(tokensOf(text.text, LEXICONS.mssql)), depth + 1)) facts.include(each.facts);
  } catch (error) {
    if (!(error instanceof Doubt)) throw error;
    facts.doubts(error.message);
  }
}

/** A text for another server is in that one's language. */
function doubtRemote(facts: StatementFacts): void {
  for (const name of facts.functions) {
    if (/^(openquery|openrowset|opendatasource)$/i.test(name))
      facts.doubts(`${name.toLowerCase()} runs a text elsewhere, which is not read here`);
  }
}

const DIALECT: Dialectal = {
  groups: new Set(
    'in and or not on where when then else case having by any some all exists between like is select distinct from join using offset union except intersect values set returning as key index primary unique into table partition check end if while over within top foreign references with apply pivot unpivot for option output default identity recompile set print return exec execute elseif'.split(
      ' ',
    ),
  ),
  clauses: new Set(
    'where group order having union except intersect window set on for into select values with left right inner outer cross full join option output pivot unpivot as option apply when then insert update delete offset'.split(
      ' ',
    ),
  ),
  isTextInDouble: false,
  hasTableQueries: false,
};
