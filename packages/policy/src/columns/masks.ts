import type { Action, Denial } from '@hoop/core/action';
import type { AnswerColumn, AnswerRules } from '@hoop/core/answer';
import { Refusal } from '@hoop/core/errors';
import type { Dialect } from '@hoop/core/protocol';
import { strangenessOf, TEXT_LENGTH_MAX } from '../sql/analyse.ts';
import { isParserLoaded, loadParser } from '../sql/postgres/parser.ts';
import { STRATEGIES, type Strategy } from '../strategies.ts';
import { type Columns, treatmentsFor } from './columns.ts';
import { hiderOf } from './hide.ts';
import { type Output, opaque } from './output.ts';
import { ColumnPatterns, type ColumnRule, type Treatment } from './patterns.ts';
import { columnsOfPostgres } from './postgres/analyse.ts';
import { SessionNames } from './session-names.ts';
import { columnsByWords } from './words/analyse.ts';

/** What masked columns mean for one action. */
export interface ColumnJudgement {
  /** It would take values away from the name that they are hidden by. */
  readonly denial?: Denial;
  readonly answer?: Pick<AnswerRules, 'hides' | 'hushes'>;
  /** Of the results that it may have; undefined when nothing is known of them, so that all of their columns are hidden. */
  readonly outputs: readonly Output[] | undefined;
}

/** Which columns of answers are hidden, in one session: it remembers what was prepared and declared by name. */
export interface ColumnMasks {
  judge(action: Action): ColumnJudgement | Promise<ColumnJudgement>;
}

/** What a masking rule says that is about columns. */
interface ColumnText {
  readonly columns?: readonly string[] | undefined;
  readonly strategy?: Strategy | undefined;
  readonly keep?: number | undefined;
}

const KEEP_DEFAULT = 4;
const KEEP_MAX = 8;

/** Of some masking rules what they say about columns. @throws Refusal `invalid_rule` */
export function columnRulesOf(masks: readonly ColumnText[]): readonly ColumnRule[] {
  return masks.flatMap(({ columns = [], strategy = 'redact', keep = KEEP_DEFAULT }) => {
    if (columns.length === 0) return [];
    if (!STRATEGIES.includes(strategy)) {
      throw new Refusal('invalid_rule', `Values cannot be masked by ${String(strategy)}; use one of ${STRATEGIES.join(', ')}`);
    }
    if (!Number.isInteger(keep) || keep < 0 || keep > KEEP_MAX) {
      throw new Refusal('invalid_rule', `A partial mask shows between 0 and ${KEEP_MAX} characters`);
    }
    return [{ columns, strategy, keep }];
  });
}

/**
 * @param dialect of the statements; undefined where they are not SQL: then columns are known by their names alone
 * @throws Refusal `invalid_rule`
 */
export function compileColumnMasks(rules: readonly ColumnRule[], dialect: Dialect | undefined): ColumnMasks {
  return new SessionColumns(new ColumnPatterns(rules), dialect);
}

/** Texts of programs come again and again. Bounded by count and by the length of one. */
const REMEMBERED_MAX = 1_000;
const REMEMBERED_LENGTH_MAX = 8 * 1024;

class SessionColumns implements ColumnMasks {
  readonly #patterns: ColumnPatterns;
  readonly #dialect: Dialect | undefined;
  readonly #names = new SessionNames();
  readonly #remembered = new Map<string, ColumnJudgement>();

  constructor(patterns: ColumnPatterns, dialect: Dialect | undefined) {
    this.#patterns = patterns;
    this.#dialect = dialect;
  }

  judge({ text, via }: Action): ColumnJudgement | Promise<ColumnJudgement> {
    const key = `${via} ${text}`;
    const known = text.length > REMEMBERED_LENGTH_MAX ? undefined : this.#remembered.get(key);
    if (known) return known;
    if (via === 'function') return this.#judgement(LARGE_OBJECT.test(text) ? SHOWS_NOTHING : UNKNOWN);
    if (this.#dialect === 'postgres' && !isParserLoaded()) return loadParser().then(() => this.#read(key, text, via));
    return this.#read(key, text, via);
  }

  #read(key: string, text: string, via: string): ColumnJudgement {
    const columns = this.#columnsOf(text);
    // A protocol that prepares by name shares its names with SQL.
    if (via === 'parse' && columns.outputs && columns.touches) this.#names.prepared(text, columns.outputs);
    const judgement = this.#judgement(columns);
    if (columns.usesNames || text.length > REMEMBERED_LENGTH_MAX) return judgement;
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear();
    this.#remembered.set(key, judgement);
    return judgement;
  }

  #columnsOf(text: string): Columns {
    if (this.#dialect === undefined) return BY_NAME;
    // What is only long may still be rows that somebody brings in.
    const strange = text.length > TEXT_LENGTH_MAX && !text.includes("\\'") ? undefined : strangenessOf(this.#dialect, text);
    if (strange !== undefined) return { ...UNKNOWN, denial: `Columns are masked here, and this cannot be checked: ${strange}` };
    if (this.#dialect === 'postgres') return columnsOfPostgres(text, this.#patterns, this.#names);
    return columnsByWords(text, this.#dialect, this.#patterns, this.#names);
  }

  #judgement(known: Columns): ColumnJudgement {
    const { denial, touches } = known;
    const { outputs } = known;
    if (denial !== undefined) return { denial: { rule: RULE, message: `Blocked by a data masking rule: ${denial}` }, outputs };
    const hides = (columns: readonly AnswerColumn[] | number) => hidersOf(treatmentsFor(known, columns, this.#patterns));
    return { answer: touches ? { hides, hushes: true } : { hides }, outputs };
  }
}

/** What records call the rules that mask columns, all of them together. */
const RULE = 'column masking';

/** Calls of PostgreSQL's message for functions that move bytes of large objects, into which nothing hidden gets. */
const LARGE_OBJECT = /^FUNCTION CALL (pg_catalog\.)?(lo_\w+|loread|lowrite)$/;

const UNKNOWN: Columns = { outputs: undefined, denial: undefined, touches: true, usesNames: false };
const SHOWS_NOTHING: Columns = { outputs: [[{ star: [opaque(undefined)] }]], denial: undefined, touches: false, usesNames: false };
/** Where statements are not read, names are all that there is. */
const BY_NAME: Columns = { ...SHOWS_NOTHING, touches: true };

/** Undefined when nothing is hidden. */
function hidersOf(treatments: readonly (Treatment | undefined)[]): ReturnType<NonNullable<AnswerRules['hides']>> {
  if (treatments.every((treatment) => treatment === undefined)) return undefined;
  return treatments.map((treatment) => treatment && hiderOf(treatment));
}
