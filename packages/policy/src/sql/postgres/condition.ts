import { everyTree, listAt, nameOf, type Tree, textAt, treeAt, unwrap } from './tree.ts';

/**
 * Whether a condition lets every row through, as far as its form tells: it looks at no column, compares a column with itself, or
 * has such a part behind an OR. What cannot be seen from the form (`id > 0 OR id <= 0`) is not found.
 */
export function isAlwaysTrue(condition: unknown): boolean {
  const found = unwrap(condition);
  if (!found) return true;
  const { type, node } = found;
  if (type === 'BoolExpr') {
    const parts = listAt(node, 'args');
    if (textAt(node, 'boolop') === 'OR_EXPR') return parts.some(isAlwaysTrue) || coversNulls(parts);
    if (textAt(node, 'boolop') === 'AND_EXPR') return parts.every(isAlwaysTrue);
    return readsNoColumn(condition);
  }
  if (type === 'CurrentOfExpr') return false;
  if (type === 'A_Expr') {
    const left = columnOf(node.lexpr);
    if (left !== undefined && isSameColumn(left, columnOf(node.rexpr))) return REFLEXIVE.has(nameOf(listAt(node, 'name')));
    if (textAt(node, 'kind') === 'AEXPR_LIKE' || textAt(node, 'kind') === 'AEXPR_ILIKE') return matchesAll(node.rexpr);
  }
  return !isFalse(condition) && readsNoColumn(condition);
}

const REFLEXIVE = new Set(['=', '>=', '<=', '~~', '~~*']);

/** Also `users.id` and `id`: where both mean anything, they mean the same. */
export function isSameColumn(left: string, right: string | undefined): boolean {
  return right !== undefined && (left === right || left.endsWith(`.${right}`) || right.endsWith(`.${left}`));
}

function columnOf(value: unknown): string | undefined {
  const found = unwrap(value);
  return found?.type === 'ColumnRef' ? nameOf(listAt(found.node, 'fields')) : undefined;
}

function matchesAll(pattern: unknown): boolean {
  const found = unwrap(pattern);
  const text = found?.type === 'A_Const' ? textAt(treeAt(found.node, 'sval'), 'sval') : undefined;
  return text !== undefined && /^%+$/.test(text);
}

/** `x IS NULL OR x IS NOT NULL`. */
function coversNulls(parts: readonly unknown[]): boolean {
  const seen = new Map<string, Set<string>>();
  for (const part of parts) {
    const found = unwrap(part);
    if (found?.type !== 'NullTest') continue;
    const column = columnOf(found.node.arg);
    if (column === undefined) continue;
    const kinds = seen.get(column) ?? new Set();
    seen.set(column, kinds.add(textAt(found.node, 'nulltesttype') ?? ''));
  }
  return [...seen.values()].some((kinds) => kinds.size > 1);
}

function isFalse(value: unknown): boolean {
  const found = unwrap(value);
  const constant = found?.type === 'A_Const' ? treeAt(found.node, 'boolval') : undefined;
  return constant !== undefined && constant.boolval !== true;
}

/** True when there is no column in it, however deep. @throws Doubt when it is nested too deeply */
export function readsNoColumn(value: unknown): boolean {
  let isFree = true;
  everyTree(value, (tree: Tree) => {
    if ('ColumnRef' in tree || 'CurrentOfExpr' in tree) isFree = false;
    return isFree;
  });
  return isFree;
}
