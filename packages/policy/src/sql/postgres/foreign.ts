import type { StatementFacts } from '../facts.ts';
import { everyTree, isTree, listAt, nameOf, type Tree, textAt, treeAt, unwrap } from './tree.ts';

/** Options of file_fdw with which a table is a file of the server, or what a program of it says. */
const OPTIONS: Readonly<Record<string, 'file_read' | 'program'>> = { filename: 'file_read', program: 'program' };

/** What leads out of the database: tables that are files or programs, servers by their wrapper, and wrappers by their functions. */
export function readForeign(node: Tree, facts: StatementFacts): void {
  const wrapper = textAt(node, 'fdwname');
  // So the handler is called of every wrapper that PostgreSQL and others ship.
  if (wrapper !== undefined) facts.calls(`${wrapper}_handler`);
  for (const each of listAt(node, 'func_options')) {
    const named = unwrap(treeAt(isTree(each) ? each : undefined, 'DefElem')?.arg);
    if (named?.type === 'List') facts.calls(nameOf(listAt(named.node, 'items')));
  }
  if (textAt(node, 'tablespacename') !== undefined && textAt(node, 'location') !== undefined) facts.does('file_write');
  if (treeAt(node, 'base') === undefined && textAt(node, 'objtype') !== 'OBJECT_FOREIGN_TABLE') return;
  everyTree([node.options, node.cmds], (tree) => {
    const effect = OPTIONS[textAt(treeAt(tree, 'DefElem'), 'defname') ?? ''];
    if (effect) facts.does(effect);
    return true;
  });
}
