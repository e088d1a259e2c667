import type { Action, Denial, Matched } from '@hoop/core/action';
import type { AnswerColumn, AnswerRules } from '@hoop/core/answer';
import type { Catalogue, CatalogueSource } from '@hoop/core/catalogue';
import { Refusal } from '@hoop/core/errors';
import type { Dialect } from '@hoop/core/protocol';
import { strangenessOf, TEXT_LENGTH_MAX } from '../sql/analyse.ts';
import { isParserLoaded, loadParser } from '../sql/postgres/parser.ts';
import { STRATEGIES, type Strategy } from '../strategies.ts';
import { AtTarget, type DefinitionReaders, hasUnseen } from './at-target.ts';
import { type Columns, treatmentsFor } from './columns.ts';
import { hiderOf } from './hide.ts';
import { type Known, NOTHING_KNOWN, UnreadTarget } from './known.ts';
import { type Output, opaque } from './output.ts';
import { ColumnPatterns, type ColumnRule, type Treatment } from './patterns.ts';
import { columnsOfPostgres } from './postgres/analyse.ts';
import { POSTGRES_DEFINITIONS } from './postgres/definitions.ts';
import { SessionNames } from './session-names.ts';
import { columnsByWords } from './words/analyse.ts';
import { MYSQL_DEFINITIONS } from './words/definitions.ts';

/** What masked columns mean for one action. */
export interface ColumnJudgement {
  /** It would take values away from the name that they are hidden by. */
  readonly denial?: Denial;
  /** What is to be on record beside it. */
  readonly matched?: Matched;
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

/** What columns are followed with beside the rules. */
export interface ColumnsContext {
  /** Who tells what was at the target before; absent: nothing is known of it but names. */
  readonly catalogue?: CatalogueSource | undefined;
  /** What becomes of columns while that cannot be told: hidden, unless it is said that they are shown. */
  readonly mode?: 'strict' | 'best-effort' | undefined;
}

/**
 * @param dialect of the statements; undefined where they are not SQL: then columns are known by their names alone
 * @throws Refusal `invalid_rule`
 */
export function compileColumnMasks(rules: readonly ColumnRule[], dialect: Dialect | undefined, context: ColumnsContext = {}): ColumnMasks {
  return new SessionColumns(new ColumnPatterns(rules), dialect, context);
}

/** Whose definitions can be read. */
const DEFINITIONS: Readonly<Partial<Record<Dialect, DefinitionReaders>>> = { postgres: POSTGRES_DEFINITIONS, mysql: MYSQL_DEFINITIONS };

/** Texts of programs come again and again. Bounded by count and by the length of one. */
const REMEMBERED_MAX = 1_000;
const REMEMBERED_LENGTH_MAX = 8 * 1024;

class SessionColumns implements ColumnMasks {
  readonly #patterns: ColumnPatterns;
  readonly #dialect: Dialect | undefined;
  readonly #context: ColumnsContext;
  readonly #definitions: DefinitionReaders | undefined;
  #names = new SessionNames();
  readonly #remembered = new Map<string, ColumnJudgement>();
  /** As it was read last; null: it was never asked for. */
  #catalogue: Catalogue | undefined | null = null;
  #known: Known = NOTHING_KNOWN;
  /** Whether there is something at the target that nobody can look into. */
  #isPartial = false;
  #isTold = false;

  constructor(patterns: ColumnPatterns, dialect: Dialect | undefined, context: ColumnsContext) {
    this.#patterns = patterns;
    this.#dialect = dialect;
    this.#context = context;
    this.#definitions = dialect && DEFINITIONS[dialect];
  }

  judge(action: Action): ColumnJudgement | Promise<ColumnJudgement> {
    const { catalogue } = this.#context;
    if (!catalogue || !this.#definitions) return this.#judge(action);
    const current = catalogue.current();
    if (current instanceof Promise) return current.then((read) => this.#judgeWith(action, read));
    return this.#judgeWith(action, current);
  }

  #judgeWith(action: Action, catalogue: Catalogue | undefined): ColumnJudgement | Promise<ColumnJudgement> {
    if (catalogue !== this.#catalogue) this.#learn(catalogue);
    if (this.#isTold || !this.#isPartial) return this.#judge(action);
    this.#isTold = true;
    const [what, strict, lenient] = catalogue ? UNSEEN : UNREAD;
    const matched = { rule: RULE, message: `${what}. ${this.#context.mode === 'best-effort' ? lenient : strict}` };
    const judgement = this.#judge(action);
    return judgement instanceof Promise ? judgement.then((judged) => ({ ...judged, matched })) : { ...judgement, matched };
  }

  /** What is at the target is not what it was: what was found out before does not count any more. */
  #learn(catalogue: Catalogue | undefined): void {
    if (this.#catalogue !== null) this.#names = new SessionNames();
    this.#catalogue = catalogue;
    this.#remembered.clear();
    this.#isPartial = !catalogue || hasUnseen(catalogue);
    const { strictest } = this.#patterns;
    const isLenient = this.#context.mode === 'best-effort';
    if (catalogue && this.#definitions)
      this.#known = new AtTarget(catalogue, this.#patterns, this.#definitions, isLenient ? undefined : strictest);
    else this.#known = isLenient ? NOTHING_KNOWN : new UnreadTarget(strictest);
  }

  #judge({ text, via }: Action): ColumnJudgement | Promise<ColumnJudgement> {
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
    if (this.#dialect === 'postgres') return columnsOfPostgres(text, this.#patterns, this.#names, this.#known);
    return columnsByWords(text, this.#dialect, this.#patterns, this.#names, this.#known);
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

/** What is missing; what is hidden for it; what is not. */
type Missing = readonly [what: string, strict: string, lenient: string];
const UNREAD: Missing = [
  'What is at the target cannot be read, so that nobody knows which views and functions show masked columns; see the log of the agent',
  'Whatever is not plain to see is hidden meanwhile',
  'What they show is not hidden meanwhile',
];
const UNSEEN: Missing = [
  'Some views or functions of the target do not show how they are made; let the user of the connection see them',
  'What they give is hidden',
  'What they give is not hidden',
];

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
