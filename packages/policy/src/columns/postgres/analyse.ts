import { Doubt } from '../../sql/facts.ts';
import { parseStatements, type RawStatement } from '../../sql/postgres/parser.ts';
import { LEXICONS, tokensOf } from '../../sql/tokens.ts';
import type { Columns } from '../columns.ts';
import type { Known } from '../known.ts';
import type { Output } from '../output.ts';
import type { ColumnPatterns } from '../patterns.ts';
import { Reading } from '../reading.ts';
import type { SessionNames } from '../session-names.ts';
import { readColumns } from './statements.ts';

/** Which columns the statements of a text answer with. PostgreSQL's parser must be loaded. Never throws. */
export function columnsOfPostgres(text: string, patterns: ColumnPatterns, names: SessionNames, known: Known): Columns {
  let raw: readonly RawStatement[];
  try {
    raw = parseStatements(text);
  } catch (error) {
    return unread(text, error);
  }
  const outputs: Output[] = [];
  let denial: string | undefined;
  let touches = false;
  let usesNames = false;
  for (const { tree, from, length } of raw) {
    const own = Buffer.from(text).toString('utf8', from, length === 0 ? undefined : from + length);
    const named = {
      define: (name: string, defined: readonly Output[]) => {
        usesNames = true;
        names.define(name, own, defined);
      },
      of: (name: string) => {
        usesNames = true;
        return names.of(name);
      },
    };
    const reading = new Reading(patterns, named, own, known);
    try {
      outputs.push(...readColumns(tree, reading));
    } catch (error) {
      return unread(text, error);
    }
    denial ??= reading.denial;
    touches ||= reading.touches;
  }
  return { outputs, denial, touches, usesNames };
}

/** What is not understood shows nothing. What may keep values elsewhere is not let through either. */
function unread(text: string, error: unknown): Columns {
  const why = error instanceof Doubt ? error.message : 'it could not be read';
  const denial = mayKeep(text) ? `Columns are masked here, and this cannot be checked: ${why}` : undefined;
  return { outputs: undefined, denial, touches: true, usesNames: false };
}

const KEEPS = /^(into|create|update|merge|do|alter|copy|set|execute|set_config|rule|call|import)$/;
const READS = /^(select|table|with|values|execute|returning|from|do|using|as)$/;

/** Rows that are brought in by hand are long, and read nothing: they pass. */
function mayKeep(text: string): boolean {
  try {
    const words = tokensOf(text, LEXICONS.postgres, WORDS_MAX).flatMap(({ kind, text: word }) => (kind === 'word' ? [word] : []));
    const isInsert = words[0] === 'insert' && words.filter((word) => word === 'values').length === 1;
    const reads = words.some((word) => READS.test(word) && !(isInsert && word === 'values'));
    return words.some((word) => KEEPS.test(word)) && !(isInsert && !reads);
  } catch {
    return true;
  }
}

const WORDS_MAX = 400_000;
