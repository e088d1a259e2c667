import { Doubt } from '../facts.ts';

/** A node of PostgreSQL's parse tree, as its parser prints it: `{"SelectStmt": {…}}` where the type varies, bare where it cannot. */
export type Tree = { readonly [key: string]: unknown };

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function treeAt(tree: Tree | undefined, key: string): Tree | undefined {
  const value = tree?.[key];
  return isTree(value) ? value : undefined;
}

export function listAt(tree: Tree | undefined, key: string): readonly unknown[] {
  const value = tree?.[key];
  return Array.isArray(value) ? value : [];
}

export function textAt(tree: Tree | undefined, key: string): string | undefined {
  const value = tree?.[key];
  return typeof value === 'string' ? value : undefined;
}

/** `[{"String":{"sval":"pg_catalog"}}, {"String":{"sval":"now"}}]` as its parts. */
export function nameOf(parts: readonly unknown[]): string {
  let name = '';
  for (const part of parts) {
    const text = isTree(part) ? textAt(treeAt(part, 'String'), 'sval') : undefined;
    if (text) name = name === '' ? text : `${name}.${text}`;
  }
  return name;
}

export function rangeName(range: Tree): string {
  const parts = [textAt(range, 'schemaname'), textAt(range, 'relname')];
  return parts.filter((part) => part !== undefined && part !== '').join('.');
}

/** The type of a node and what is in it. */
export function unwrap(value: unknown): { readonly type: string; readonly node: Tree } | undefined {
  if (!isTree(value)) return undefined;
  for (const type in value) {
    const node = value[type];
    return isTree(node) ? { type, node } : undefined;
  }
  return undefined;
}

/** The text of a constant, also of one under a cast; undefined when it is not one. */
export function constantText(value: unknown): string | undefined {
  const found = unwrap(value);
  if (found?.type === 'TypeCast') return constantText(found.node.arg);
  if (found?.type === 'A_Const') return textAt(treeAt(found.node, 'sval'), 'sval');
  return undefined;
}

/** Nodes below each other. A person's statement has some dozens; the stack has room for many more than this. */
const DEPTH_MAX = 1_500;

/** Calls `see` for every tree below `value`, and goes on below it where `see` says true. @throws Doubt when it is too deep */
export function everyTree(value: unknown, see: (tree: Tree) => boolean, depth = 0): void {
  if (depth > DEPTH_MAX) throw new Doubt('it is nested too deeply');
  if (Array.isArray(value)) {
    for (const each of value) everyTree(each, see, depth + 1);
  } else if (isTree(value) && see(value)) {
    for (const key in value) if (typeof value[key] === 'object') everyTree(value[key], see, depth + 1);
  }
}

export { DEPTH_MAX };
