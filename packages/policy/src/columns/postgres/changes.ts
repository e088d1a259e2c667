import { isTree, listAt, type Tree, textAt, treeAt, unwrap } from '../../sql/postgres/tree.ts';
import { mustBeHidden, mustGoTo } from '../keeping.ts';
import type { Output } from '../output.ts';
import type { Reading } from '../reading.ts';
import type { Relation, Scope } from '../scope.ts';
import { hiddenIn } from './expressions.ts';
import { readQuery, readTargets, relationsOf, tableOf, tableRelation, withQueries } from './queries.ts';

/**
 * An INSERT, UPDATE, DELETE or MERGE. Gives what it returns; undefined when that is nothing. A row that is refused is quoted in the
 * error, so a change of a table with hidden columns touches them.
 */
export function readChange(type: string, node: Tree, outer: Scope, reading: Reading): Output | undefined {
  const reader = Object.hasOwn(CHANGES, type) ? CHANGES[type] : undefined;
  if (!reader) return undefined;
  const scope = withQueries(node, outer, reading);
  const range = treeAt(node, 'relation') ?? {};
  const table = tableOf(range);
  // What is changed is a table, whatever a WITH calls so.
  const target = tableRelation(range, { ...scope, queries: new Map() }, reading);
  reading.read(reading.ofRow(table));
  return reader({ node, table, target, scope, reading });
}

interface Change {
  readonly node: Tree;
  readonly table: readonly string[];
  readonly target: Relation;
  readonly scope: Scope;
  readonly reading: Reading;
}

const CHANGES: Readonly<Record<string, (change: Change) => Output | undefined>> = {
  InsertStmt: readInsert,
  UpdateStmt: (change) => {
    const { node, scope, target, reading } = change;
    const inside = withFrom(scope, target, listAt(node, 'fromClause'), reading);
    assign(listAt(node, 'targetList'), change, inside);
    hiddenIn(node.whereClause, inside, reading);
    return returned(change, inside);
  },
  DeleteStmt: (change) => {
    const { node, scope, target, reading } = change;
    const inside = withFrom(scope, target, listAt(node, 'usingClause'), reading);
    hiddenIn(node.whereClause, inside, reading);
    return returned(change, inside);
  },
  MergeStmt: readMerge,
};

function withFrom(scope: Scope, target: Relation, from: readonly unknown[], reading: Reading): Scope {
  const others = relationsOf(from, scope, reading);
  return { ...others, relations: [target, ...others.relations] };
}

function readInsert(change: Change): Output | undefined {
  const { node, table, target, scope, reading } = change;
  const names = listAt(node, 'cols').map((each) => textAt(treeAt(isTree(each) ? each : undefined, 'ResTarget'), 'name') ?? '');
  const source = unwrap(node.selectStmt);
  if (source?.type === 'SelectStmt') mustGoTo(readQuery(source.node, scope, reading), names, table, reading);
  const inside: Scope = { ...scope, relations: [target], parent: scope };
  const conflict = treeAt(node, 'onConflictClause');
  const excluded: Relation = { ...target, alias: 'excluded', table: [] };
  const onConflict: Scope = { ...inside, relations: [target, excluded] };
  assign(listAt(conflict, 'targetList'), change, onConflict);
  hiddenIn(conflict?.whereClause, onConflict, reading);
  return returned(change, inside);
}

/** `SET a = …, (b, c) = (SELECT …)`. */
function assign(targets: readonly unknown[], { table, reading }: Change, scope: Scope): void {
  for (const each of targets) {
    const target = treeAt(isTree(each) ? each : undefined, 'ResTarget');
    mustBeHidden(hiddenIn(target?.val, scope, reading), textAt(target, 'name'), table, 'UPDATE', reading);
    hiddenIn(target?.indirection, scope, reading);
  }
}

function readMerge(change: Change): Output | undefined {
  const { node, table, scope, target, reading } = change;
  const inside = withFrom(scope, target, [node.sourceRelation], reading);
  hiddenIn(node.joinCondition, inside, reading);
  for (const each of listAt(node, 'mergeWhenClauses')) {
    const clause = treeAt(isTree(each) ? each : undefined, 'MergeWhenClause');
    hiddenIn(clause?.condition, inside, reading);
    const targets = listAt(clause, 'targetList');
    if (textAt(clause, 'commandType') !== 'CMD_INSERT') {
      assign(targets, change, inside);
      continue;
    }
    for (const [index, value] of listAt(clause, 'values').entries()) {
      const named = targets[index];
      const name = textAt(treeAt(isTree(named) ? named : undefined, 'ResTarget'), 'name');
      mustBeHidden(hiddenIn(value, inside, reading), name, table, 'MERGE', reading);
    }
  }
  return returned(change, inside);
}

/** RETURNING, in which the row before and the row after have names, too. */
function returned({ node, target, reading }: Change, scope: Scope): Output | undefined {
  const clause = treeAt(node, 'returningClause');
  const targets = [...listAt(node, 'returningList'), ...listAt(clause, 'exprs')];
  if (targets.length === 0) return undefined;
  const named = listAt(clause, 'options').map((each) => textAt(treeAt(isTree(each) ? each : undefined, 'ReturningOption'), 'value') ?? '');
  const rows = ['old', 'new', ...named].map((alias): Relation => ({ ...target, alias, table: [] }));
  // `*` is the row and what it was joined with; the other names can only be said.
  const around: Scope = { relations: rows, parent: scope.parent, queries: scope.queries };
  return readTargets(targets, { ...scope, parent: around }, reading);
}
