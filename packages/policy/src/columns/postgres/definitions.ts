import type { CatalogueRoutine } from '@hoop/core/catalogue';
import { Doubt } from '../../sql/facts.ts';
import { parseStatements } from '../../sql/postgres/parser.ts';
import { bodyOf } from '../../sql/postgres/routine.ts';
import { RUNS_TEXT } from '../../sql/postgres/text-runners.ts';
import { isTree, listAt, type Tree, treeAt, unwrap } from '../../sql/postgres/tree.ts';
import { readStatement } from '../../sql/postgres/walk.ts';
import type { DefinitionReaders } from '../at-target.ts';
import { type Output, opaque } from '../output.ts';
import type { Treatment } from '../patterns.ts';
import type { Reading } from '../reading.ts';
import { NO_SCOPE, type Scope, tableSource } from '../scope.ts';
import { hiddenIn } from './expressions.ts';
import { readColumns, readsHidden } from './statements.ts';

/** Definitions as PostgreSQL writes them down. Its parser must be loaded. */
export const POSTGRES_DEFINITIONS: DefinitionReaders = {
  folds: false,
  query: (text, reading) => {
    const [only, ...others] = parseStatements(text);
    const [output, ...more] = only && others.length === 0 ? readColumns(only.tree, reading) : [];
    if (!output || more.length > 0) throw new Doubt('a view is no single query');
    return output;
  },
  expression: readComputed,
  routine: readRoutine,
};

function readComputed(text: string, table: readonly string[], reading: Reading): Treatment | undefined {
  const select = unwrap(parseStatements(`SELECT (${text})`)[0]?.tree);
  const [target] = listAt(select?.node, 'targetList');
  const value = treeAt(isTree(target) ? target : undefined, 'ResTarget')?.val;
  if (value === undefined) throw new Doubt('a computed column is not understood');
  const scope: Scope = { ...NO_SCOPE, relations: [{ alias: table.at(-1) ?? '', table, source: tableSource(reading, table, []) }] };
  return hiddenIn(value, scope, reading);
}

/** A body in SQL is followed to the columns of its last statement; of any other, all is hidden that it gives where it reads anything hidden. */
function readRoutine({ definition, language }: CatalogueRoutine, reading: Reading): Output {
  if (language === 'internal') return all(definition in RUNS_TEXT ? reading.strictest : undefined);
  const [statement] = parseStatements(definition);
  const created = treeAt(isTree(statement?.tree) ? statement.tree : undefined, 'CreateFunctionStmt');
  if (!created) throw new Doubt('a function is not understood');
  if (language === 'sql') return readSqlBody(created, reading);
  const facts = readStatement(statement?.tree, definition);
  if (facts.doubt !== undefined) throw new Doubt(facts.doubt);
  return all(readsHidden(facts, reading) ? reading.strictest : undefined);
}

function all(hidden: Treatment | undefined): Output {
  return [{ star: [opaque(hidden)] }];
}

function readSqlBody(created: Tree, reading: Reading): Output {
  const written = unwrap(created.sql_body);
  if (written?.type === 'ReturnStmt') return [{ hidden: hiddenIn(written.node.returnval, NO_SCOPE, reading) }];
  const statements = written ? statementsIn(written.node) : parseStatements(bodyOf(created) ?? unreadable()).map(({ tree }) => tree);
  let last: Output | undefined;
  for (const statement of statements) {
    const outputs = readColumns(statement, reading);
    if (outputs.length > 1) throw new Doubt('a function gives one of several answers');
    last = outputs[0];
  }
  return last ?? [];
}

/** `BEGIN ATOMIC …; … END`: a list in a list. */
function statementsIn(list: Tree): readonly unknown[] {
  return listAt(list, 'items').flatMap((item) => {
    const inner = unwrap(item);
    return inner?.type === 'List' ? listAt(inner.node, 'items') : [item];
  });
}

function unreadable(): never {
  throw new Doubt('a function has a body that cannot be read');
}
