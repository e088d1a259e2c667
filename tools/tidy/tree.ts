import { stripTypeScriptTypes } from 'node:module';
import { posix } from 'node:path';
import { type Lexed, lex, type Token } from './lexer.ts';

/** A file of the project as the rules see it; the path is relative to the root, with slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** Something that the house does not do, and what to do instead. */
export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

export type Rule = (tree: Tree) => Iterable<Violation>;

/** All files of the project, read once, cut into tokens once. */
export class Tree {
  readonly files: readonly SourceFile[];
  readonly #byPath: ReadonlyMap<string, SourceFile>;
  readonly #lexed = new Map<string, Lexed>();

  constructor(files: readonly SourceFile[]) {
    this.files = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
    this.#byPath = new Map(files.map((file) => [file.path, file]));
  }

  get(path: string): SourceFile | undefined {
    return this.#byPath.get(path);
  }

  /** Files of ours that hold code. */
  get code(): readonly SourceFile[] {
    return this.files.filter(({ path }) => isCode(path));
  }

  lexed(file: SourceFile): Lexed {
    const known = this.#lexed.get(file.path);
    if (known) return known;
    const lexed = lex(file.text);
    this.#lexed.set(file.path, lexed);
    return lexed;
  }
}

export const isCode = (path: string): boolean => /\.(ts|tsx|mjs)$/.test(path) && !/\.d\.m?ts$/.test(path);
export const isTest = (path: string): boolean => path.endsWith('.test.ts');

/** The package that a path belongs to, or undefined outside `packages/`. */
export function packageOf(path: string): string | undefined {
  return /^packages\/([^/]+)\//.exec(path)?.[1];
}

export interface Import {
  readonly specifier: string;
  readonly line: number;
}

/** What a file imports or exports from, dynamically too, and files that it names as `new URL('./x.ts', import.meta.url)`. */
export function importsOf(tokens: readonly Token[]): Import[] {
  const found: Import[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== 'string') continue;
    const before = tokens[index - 1];
    const isImport = before?.text === 'from' || before?.text === 'import' || (before?.text === '(' && tokens[index - 2]?.text === 'import');
    const isUrl = before?.text === '(' && tokens[index - 2]?.text === 'URL';
    if (isImport || (isUrl && /^\.{1,2}\/.*\.(ts|mjs|js)$/.test(token.text))) found.push({ specifier: token.text, line: token.line });
  }
  return found;
}

/** The path that a relative import means. */
export function resolveImport(from: string, specifier: string): string {
  const path = posix.normalize(posix.join(posix.dirname(from), specifier));
  return path.startsWith('packages/') ? path.replace(/\.js$/, '.ts') : path;
}

/** A function's name for people, where it begins, and how many lines it has. */
export interface FunctionSpan {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
  /** It only groups tests: `describe('…', () => { test(…); test(…) })`. */
  readonly groupsTests: boolean;
}

/** Finds every function with a body. Types are blanked out first (they keep their place), so that `) {` means one thing. */
export function functionsOf(file: SourceFile): FunctionSpan[] {
  const plain = file.path.endsWith('.ts') ? stripTypeScriptTypes(file.text) : file.text;
  const { tokens } = lex(plain);
  const spans: FunctionSpan[] = [];
  const open: { readonly token: Token; readonly start: number | undefined }[] = [];
  const parens: number[] = [];
  let lastParen = 0;
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== 'mark') continue;
    if (token.text === '(') parens.push(index);
    else if (token.text === ')') lastParen = parens.pop() ?? 0;
    else if (token.text === '{') open.push({ token, start: bodyStart(tokens, index, lastParen) });
    else if (token.text === '}') {
      const start = open.pop()?.start;
      if (start !== undefined) spans.push(span(tokens, start, index));
    }
  }
  return spans;
}

const CONTROL = /^(if|for|while|switch|catch|with|await)$/;

/** Index of the token where a function begins whose body opens here, or undefined when it is no function's body. */
function bodyStart(tokens: readonly Token[], brace: number, paren: number): number | undefined {
  const before = tokens[brace - 1]?.text;
  if (before === '=>') {
    return tokens[brace - 2]?.text === ')' ? paren : brace - 2;
  }
  if (before !== ')') return undefined;
  return CONTROL.test(tokens[paren - 1]?.text ?? '') ? undefined : paren;
}

function span(tokens: readonly Token[], start: number, end: number): FunctionSpan {
  const before = tokens.slice(Math.max(0, start - 4), start);
  const name =
    before.findLast(({ kind, text }) => kind === 'word' && !/^(function|async|const|let|return)$/.test(text))?.text ?? 'function';
  const line = tokens[start]?.line ?? 0;
  const groupsTests = tokens.slice(start, end).some(({ text }, at) => /^(test|it)$/.test(text) && tokens[start + at + 1]?.text === '(');
  return { name, line, lines: (tokens[end]?.line ?? line) - line + 1, groupsTests };
}
