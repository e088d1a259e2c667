import { loadModule, parsePlPgSQLSync, parseSync } from 'libpg-query';
import { Doubt } from '../facts.ts';
import { countTokens } from '../tokens.ts';
import type { Tree } from './tree.ts';

let loaded: boolean | Promise<void> = false;

/** True once the parser can be used; until then `loadParser` says when. */
export function isParserLoaded(): boolean {
  return loaded === true;
}

/** Brings PostgreSQL's parser into memory, once a process. Takes some 20 ms. */
export function loadParser(): Promise<void> {
  if (loaded === true) return Promise.resolve();
  if (loaded === false) {
    loaded = loadModule().then(
      () => {
        loaded = true;
      },
      (error) => {
        loaded = false;
        throw error;
      },
    );
  }
  return loaded;
}

export interface RawStatement {
  readonly tree: unknown;
  /** Where it stands, in bytes of UTF-8. */
  readonly from: number;
  readonly length: number;
}

/**
 * @param tokens of the text, or of a longer one that it was made from, where somebody has counted them
 * @throws Doubt when PostgreSQL would not understand it
 */
export function parseStatements(text: string, tokens?: number): readonly RawStatement[] {
  // The parser itself refuses an empty text; for the server it is a statement that does nothing.
  if (text.trim() === '') return [];
  if (tokens === undefined || tokens > TOKENS_MAX || text.length > LENGTH_MAX) mustBeShort(text, TOKENS_MAX);
  const statements = guarded(() => parseSync(text)).stmts ?? [];
  return statements.map((each) => ({ tree: each.stmt, from: each.stmt_location ?? 0, length: each.stmt_len ?? 0 }));
}

/** The body of a DO or of a function, with the statement that has it. @throws Doubt */
export function parseBody(body: string, statement: string): Tree {
  mustBeShort(body, BODY_TOKENS_MAX);
  return { body: guarded(() => parsePlPgSQLSync(statement)) };
}

/** With more words the parser would hold everybody else up for longer than some ten milliseconds. */
const TOKENS_MAX = 6_000;
const BODY_TOKENS_MAX = 1_500;
const LENGTH_MAX = 256 * 1024;

function mustBeShort(text: string, tokensMax: number): void {
  if (text.length > LENGTH_MAX || countTokens('postgres', text, tokensMax) > tokensMax)
    throw new Doubt('it is too long to be read in time');
}

function guarded<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new Doubt(
      error instanceof RangeError
        ? 'it is nested too deeply'
        : `PostgreSQL would not read it: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
