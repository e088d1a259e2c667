import { Doubt } from '../../sql/facts.ts';
import { LEXICONS, type Lexicon, tokensOf } from '../../sql/tokens.ts';
import { partsOf } from '../../sql/words/mssql-parts.ts';
import { analyseMysql } from '../../sql/words/mysql.ts';
import { Run } from '../../sql/words/run.ts';
import type { Columns } from '../columns.ts';
import { type Known, NOTHING_KNOWN } from '../known.ts';
import type { Output } from '../output.ts';
import type { ColumnPatterns } from '../patterns.ts';
import { Reading } from '../reading.ts';
import type { SessionNames } from '../session-names.ts';
import { readColumns } from './statements.ts';

/** In MySQL the server's mode decides what a quote is: a text is read in every mode, and counts as all that it may be. */
const MODES: Readonly<Record<'mysql' | 'mssql', readonly Lexicon[]>> = {
  mysql: [
    LEXICONS.mysql,
    { dialect: 'mysql', backslash: false, backslashInDouble: false },
    { dialect: 'mysql', backslash: true, backslashInDouble: false },
  ],
  mssql: [LEXICONS.mssql],
};

/** Which columns the statements of a text answer with, by their words. Never throws. */
export function columnsByWords(
  text: string,
  dialect: 'mysql' | 'mssql',
  patterns: ColumnPatterns,
  names: SessionNames,
  known: Known = NOTHING_KNOWN,
): Columns {
  const columns = readByWords(text, dialect, { patterns, names, known });
  const doubt = /^\s*set\b/i.test(text) && dialect === 'mysql' ? analyseMysql(text).unclassified : undefined;
  return doubt === undefined ? columns : { ...columns, denial: columns.denial ?? `Columns are masked here, and ${doubt}` };
}

/** What a text is read with. */
interface With {
  readonly patterns: ColumnPatterns;
  readonly names: SessionNames;
  readonly known: Known;
}

function readByWords(text: string, dialect: 'mysql' | 'mssql', given: With): Columns {
  const lexicons = /\\['"]/.test(text) ? MODES[dialect] : MODES[dialect].slice(0, 1);
  const readings = lexicons.map((lexicon) => readIn(text, lexicon, given));
  const known = readings.filter(({ outputs }) => outputs !== undefined);
  const [first] = known.length > 0 ? known : readings;
  if (!first || known.length <= 1) return first ?? readings[0] ?? UNREAD;
  return {
    outputs: known.flatMap(({ outputs }) => outputs ?? []),
    denial: known.find(({ denial }) => denial !== undefined)?.denial,
    touches: known.some(({ touches }) => touches),
    usesNames: known.some(({ usesNames }) => usesNames),
    folds: true,
  };
}

const UNREAD: Columns = { outputs: undefined, denial: undefined, touches: true, usesNames: false };

function readIn(text: string, lexicon: Lexicon, given: With): Columns {
  const found = { denial: undefined as string | undefined, touches: false, usesNames: false };
  try {
    const outputs = readText(text, lexicon, given, found, 0);
    return { outputs, ...found, folds: true };
  } catch (error) {
    const why = error instanceof Doubt ? error.message : 'it could not be read';
    const denial = mayKeep(text, lexicon) ? `Columns are masked here, and this cannot be checked: ${why}` : found.denial;
    return { ...UNREAD, denial };
  }
}

interface Findings {
  denial: string | undefined;
  touches: boolean;
  usesNames: boolean;
}

const DEPTH_MAX = 3;

function readText(text: string, lexicon: Lexicon, { patterns, names, known }: With, found: Findings, depth: number): readonly Output[] {
  if (depth > DEPTH_MAX) throw new Doubt('texts are nested too deeply');
  const outputs: Output[] = [];
  const all = new Run(tokensOf(text, lexicon));
  const isBatch = lexicon.dialect === 'mssql';
  for (const run of isBatch ? partsOfBatch(all) : statementsOf(all)) {
    const own = run.textIn(text);
    const named = {
      define: (name: string, defined: readonly Output[]) => {
        found.usesNames = true;
        names.define(name, own, defined);
      },
      of: (name: string) => {
        found.usesNames = true;
        return names.of(name);
      },
    };
    const reading = new Reading(patterns, named, own, known);
    const readInner = (inner: string) => readText(inner, lexicon, { patterns, names, known }, found, depth + 1);
    outputs.push(...readColumns(run, reading, Object.assign(readInner, { isBatch })));
    found.denial ??= reading.denial;
    found.touches ||= reading.touches;
  }
  return outputs;
}

/** SQL Server wants no semicolons; what goes on with a statement is a part of it. */
function partsOfBatch(all: Run): readonly Run[] {
  const runs: Run[] = [];
  for (const { run, continues } of partsOf(all)) {
    const last = continues ? runs.pop() : undefined;
    const whole = last ? new Run(all.tokens, last.from, run.to) : run;
    const ends = whole.symbol(whole.length - 1) === ';' ? whole.cut(0, whole.length - 1) : whole;
    if (ends.length > 0) runs.push(ends);
  }
  return runs;
}

/** Cut at semicolons; what has a body keeps all that follows. */
function statementsOf(all: Run): readonly Run[] {
  const runs: Run[] = [];
  let from = 0;
  for (let index = 0; index <= all.length; index++) {
    if (index < all.length && all.symbol(index) !== ';') continue;
    const head = all.cut(from, index);
    const hasBody = /^(create|alter)$/.test(head.word(0)) && head.findOutside((at) => BODIES.test(head.word(at))) !== undefined;
    const run = hasBody ? all.cut(from) : head;
    if (run.length > 0) runs.push(run);
    if (hasBody) break;
    from = index + 1;
  }
  return runs;
}

const BODIES = /^(procedure|function|trigger|event|package)$/;
const KEEPS = /^(into|create|update|alter|replace|set|execute|exec|call|merge|rename|begin|declare|get|bulk|output)$/;
const READS = /^(select|table|with|execute|returning|from|as|set|duplicate|output|exec)$/;
const WORDS_MAX = 400_000;

/** Rows that are brought in by hand are long, and read nothing: they pass. */
function mayKeep(text: string, lexicon: Lexicon): boolean {
  try {
    const words = tokensOf(text, lexicon, WORDS_MAX).flatMap(({ kind, text: word }) => (kind === 'word' ? [word] : []));
    const isRows = /^(insert|replace)$/.test(words[0] ?? '') && !words.slice(1).some((word) => READS.test(word));
    return words.some((word) => KEEPS.test(word)) && !isRows;
  } catch {
    return true;
  }
}
