import { type Dialect, Doubt, type Facts } from './facts.ts';
import { analysePostgres } from './postgres/analyse.ts';
import { isParserLoaded, loadParser } from './postgres/parser.ts';
import { scanPostgres } from './postgres/scan.ts';
import { LEXICONS, type Token, tokensOf } from './tokens.ts';
import { analyseMssql } from './words/mssql.ts';
import { analyseMysql } from './words/mysql.ts';

/** A longer text is not read: it would hold everybody else up. In UTF-16 units. */
export const TEXT_LENGTH_MAX = 1024 * 1024;

/**
 * What a text does, as far as that can be known from it. Where it cannot, `unclassified` says why, and a rule that needs to know has to
 * take it as a yes. Never throws.
 */
export async function analyse(dialect: Dialect, text: string): Promise<Facts> {
  if (dialect === 'postgres') await loadParser();
  return strange(dialect, text) ?? (dialect === 'postgres' ? analysePostgres(text, true) : byWords(dialect, text));
}

/** The same for rules, without columns: at once, but for the first statements of a process, while PostgreSQL's parser is being loaded. */
export function classify(dialect: Dialect, text: string): Facts | Promise<Facts> {
  const known = REMEMBERED.get(dialect, text);
  if (known) return known;
  const odd = strange(dialect, text);
  if (odd) return odd;
  if (dialect !== 'postgres') return REMEMBERED.keep(dialect, text, byWords(dialect, text));
  const tokens = tokensIn(text);
  const simple = tokens && scanPostgres(text, tokens);
  if (simple) return REMEMBERED.keep(dialect, text, { statements: [simple] });
  if (isParserLoaded()) return REMEMBERED.keep(dialect, text, analysePostgres(text, false, tokens));
  return loadParser().then(() => analysePostgres(text, false, tokens));
}

/** Told apart once, for everybody who reads it. */
function tokensIn(text: string): readonly Token[] | undefined {
  try {
    return tokensOf(text, LEXICONS.postgres);
  } catch (error) {
    if (error instanceof Doubt) return undefined;
    throw error;
  }
}

function byWords(dialect: Dialect, text: string): Facts {
  return dialect === 'mysql' ? analyseMysql(text) : analyseMssql(text);
}

/** A zero ends a text for some who read it, and what is not UTF-8 arrives here as U+FFFD: nobody knows what the server will make of it. */
const STRANGE = /[\0\ufffd]/;

/** A backslash before a closing quote, which PostgreSQL reads in two ways, by a setting. */
const TWO_WAYS = /\\'/;

function strange(dialect: Dialect, text: string): Facts | undefined {
  const unclassified = strangenessOf(dialect, text);
  return unclassified === undefined ? undefined : { statements: [], unclassified };
}

/** Why nobody can be sure how a server reads a text; undefined when it is an ordinary one. */
export function strangenessOf(dialect: Dialect, text: string): string | undefined {
  if (text.length > TEXT_LENGTH_MAX) return 'it is too long to be read in time';
  if (STRANGE.test(text)) return 'it has bytes that are not text in UTF-8';
  if (dialect === 'postgres' && TWO_WAYS.test(text) && dependsOnSetting(text)) {
    return "what its quotes mean depends on standard_conforming_strings; write them as E'…' or without a backslash at the end";
  }
  return undefined;
}

/** Whether a plain string has a backslash before a quote. `ESCAPE '\'` is the one that people write, and it is harmless where nothing follows it that the other reading could hide. */
function dependsOnSetting(text: string): boolean {
  try {
    const tokens = tokensOf(text, LEXICONS.postgres);
    return tokens.some(({ kind, from, to }, index) => {
      if (kind !== 'string' || text[from] !== "'" || /[eE]/.test(text[from - 1] ?? '')) return false;
      const raw = text.slice(from, to);
      if (!TWO_WAYS.test(raw)) return false;
      const isEscape = raw === "'\\'" && tokens[index - 1]?.text === 'escape';
      return !(isEscape && !text.includes("'", to));
    });
  } catch {
    return true;
  }
}

/** Texts of programs come again and again. Bounded by count and by the length of one. */
const REMEMBERED_MAX = 1_000;
const REMEMBERED_LENGTH_MAX = 8 * 1024;

class Memory {
  readonly #facts = new Map<string, Facts>();

  get(dialect: Dialect, text: string): Facts | undefined {
    return text.length > REMEMBERED_LENGTH_MAX ? undefined : this.#facts.get(`${dialect} ${text}`);
  }

  keep(dialect: Dialect, text: string, facts: Facts): Facts {
    if (text.length > REMEMBERED_LENGTH_MAX) return facts;
    // The oldest go, a quarter at a time: cheaper than to keep an order of use.
    if (this.#facts.size >= REMEMBERED_MAX) {
      for (const key of [...this.#facts.keys()].slice(0, REMEMBERED_MAX / 4)) this.#facts.delete(key);
    }
    this.#facts.set(`${dialect} ${text}`, facts);
    return facts;
  }
}

const REMEMBERED = new Memory();
