import { Doubt, type Facts, type Statement, StatementFacts } from '../facts.ts';
import type { Token } from '../tokens.ts';
import { parseStatements, type RawStatement } from './parser.ts';
import { shortened } from './shorten.ts';
import { readStatement } from './walk.ts';

/**
 * What a text does, as PostgreSQL's own parser reads it. The parser must be loaded. Never throws.
 * @param tokens of the text, where somebody has told them apart
 */
export function analysePostgres(text: string, withColumns: boolean, tokens?: readonly Token[]): Facts {
  let doubt: string | undefined;
  const statements: Statement[] = [];
  try {
    const short = shortened(text, tokens);
    const some = short === undefined ? [] : parseStatements(short, tokens?.length);
    // Of several statements each has its own text, and for that all of it has to be parsed.
    const isShort = some.length === 1;
    const raw = isShort ? some : parseStatements(text, tokens?.length);
    const textOf = isShort ? (): string => text.trim() : slicer(text);
    for (const each of raw) {
      const own = textOf(each);
      const facts = readOne(each, own, withColumns);
      doubt ??= facts.doubt;
      statements.push(facts.done(own, withColumns));
    }
  } catch (error) {
    return { statements, unclassified: error instanceof Doubt ? error.message : 'it could not be read' };
  }
  return doubt === undefined ? { statements } : { statements, unclassified: doubt };
}

function readOne(raw: RawStatement, text: string, withNames: boolean): StatementFacts {
  try {
    return readStatement(raw.tree, text, 0, withNames);
  } catch (error) {
    if (!(error instanceof Doubt) && !(error instanceof RangeError)) throw error;
    const facts = new StatementFacts();
    facts.doubts(error instanceof Doubt ? error.message : 'it is nested too deeply');
    return facts;
  }
}

/** Positions of the parser are bytes; in a text of ASCII they are characters too. */
function slicer(text: string): (raw: RawStatement) => string {
  const bytes = Buffer.byteLength(text) === text.length ? undefined : Buffer.from(text);
  return ({ from, length }) => {
    const end = length === 0 ? undefined : from + length;
    return (bytes ? bytes.toString('utf8', from, end) : text.slice(from, end)).trim();
  };
}
