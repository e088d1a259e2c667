import { Doubt, StatementFacts } from '../facts.ts';
import { parseBody, parseStatements } from './parser.ts';
import { constantText, DEPTH_MAX, everyTree, isTree, listAt, type Tree, textAt, treeAt, unwrap } from './tree.ts';
import { readStatement } from './walk.ts';

/** How much of the depth that a statement may have is used up by a text inside a text: so they nest a few times, and not for ever. */
export const BODY_DEPTH = 250;

/** DO: its body runs now. */
export function readDo(node: Tree, facts: StatementFacts, depth: number): void {
  facts.does('do');
  const { body, language } = options(listAt(node, 'args'));
  readBody({ body, language: language ?? 'plpgsql', statement: undefined, depth: depth + BODY_DEPTH }, facts);
}

/** CREATE FUNCTION or PROCEDURE: its body runs later, under another name, so what it does counts now. */
export function readDefinition(node: Tree, statement: string, facts: StatementFacts, depth: number): void {
  const { body, language } = options(listAt(node, 'options'));
  if (body === undefined && node.sql_body !== undefined) return;
  readBody({ body, language: language ?? 'sql', statement, depth: depth + BODY_DEPTH }, facts);
}

/** The text of a function's body; undefined where that is something else. */
export function bodyOf(created: Tree): string | undefined {
  return options(listAt(created, 'options')).body;
}

function options(list: readonly unknown[]): { body: string | undefined; language: string | undefined } {
  let body: string | undefined;
  let language: string | undefined;
  for (const each of list) {
    const option = treeAt(isTree(each) ? each : undefined, 'DefElem');
    const argument = unwrap(option?.arg);
    const name = textAt(option, 'defname');
    if (name === 'language') language = textAt(argument?.node, 'sval')?.toLowerCase();
    if (name === 'as') body = argument?.type === 'List' ? sole(argument.node) : textAt(argument?.node, 'sval');
  }
  return { body, language };
}

/** `AS 'body'`; with two texts it is a symbol in a library. */
function sole(list: Tree): string | undefined {
  const items = listAt(list, 'items');
  return items.length === 1 ? textAt(unwrap(items[0])?.node, 'sval') : undefined;
}

interface Body {
  readonly body: string | undefined;
  readonly language: string;
  /** The statement that has it, where that is more than a DO. */
  readonly statement: string | undefined;
  readonly depth: number;
}

function readBody({ body, language, statement, depth }: Body, facts: StatementFacts): void {
  if (body === undefined) facts.doubts('it has a body that cannot be read');
  else if (language === 'sql') facts.include(readSqlText(body, depth));
  else if (language === 'plpgsql') facts.include(readPlpgsql(body, statement ?? `DO ${quoted(body)}`, depth));
  else facts.doubts(`it has a body in ${language}, which is not read`);
}

function quoted(body: string): string {
  let tag = '$hoop$';
  while (body.includes(tag)) tag = `$${tag.slice(1, -1)}_$`;
  return `${tag}${body}${tag} LANGUAGE plpgsql`;
}

/** Statements in a text, as one. @throws Doubt */
export function readSqlText(text: string, depth: number): StatementFacts {
  const facts = new StatementFacts();
  for (const { tree } of parseStatements(text)) facts.include(readStatement(tree, text, depth));
  return facts;
}

/** Every expression and statement of a block, wherever it stands. */
function readPlpgsql(body: string, statement: string, depth: number): StatementFacts {
  const facts = new StatementFacts();
  if (depth > DEPTH_MAX) throw new Doubt('bodies are nested too deeply');
  everyTree(parseBody(body, statement), (tree) => {
    for (const key of [
      'PLpgSQL_stmt_dynexecute',
      'PLpgSQL_stmt_dynfors',
      'PLpgSQL_stmt_return_query',
      'PLpgSQL_stmt_open',
      'PLpgSQL_stmt_forc',
    ]) {
      const dynamic = treeAt(tree, key);
      if (dynamic) readDynamic(dynamic, facts, depth);
    }
    const query = textAt(treeAt(tree, 'PLpgSQL_expr'), 'query');
    if (query !== undefined) facts.include(readExpression(query, depth));
    return true;
  });
  return facts;
}

/** EXECUTE of a text: known where the text stands there as a constant. */
function readDynamic(node: Tree, facts: StatementFacts, depth: number): void {
  const isAlways = !('dynquery' in node) && 'query' in node && !('argquery' in node);
  const text = treeAt(node, 'dynquery') ?? (isAlways ? treeAt(node, 'query') : undefined);
  const expression = textAt(treeAt(text, 'PLpgSQL_expr'), 'query');
  if (expression === undefined) return;
  const constant = constantOf(expression);
  if (constant !== undefined) facts.include(readSqlText(constant, depth + BODY_DEPTH));
  else if (!isStatement(expression)) facts.doubts('EXECUTE runs a text that is put together while it runs');
}

function isStatement(text: string): boolean {
  try {
    return parseStatements(text).length > 0;
  } catch {
    return false;
  }
}

function constantOf(expression: string): string | undefined {
  try {
    const statement = unwrap(parseStatements(`SELECT ${expression}`)[0]?.tree);
    const target = treeAt(
      isTree(listAt(statement?.node, 'targetList')[0]) ? (listAt(statement?.node, 'targetList')[0] as Tree) : undefined,
      'ResTarget',
    );
    return constantText(target?.val);
  } catch {
    return undefined;
  }
}

/** What stands in a block is a statement, an expression, or an assignment. @throws Doubt when it is none of them */
function readExpression(query: string, depth: number): StatementFacts {
  for (const form of [query, `SELECT ${query}`, `SELECT ${query.replace(/^[^:=]*:?=/, '')}`]) {
    try {
      return readSqlText(form, depth);
    } catch (error) {
      if (!(error instanceof Doubt)) throw error;
    }
  }
  throw new Doubt('a part of its body cannot be read');
}
