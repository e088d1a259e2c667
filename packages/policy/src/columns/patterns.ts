import { Refusal } from '@hoop/core/errors';
import { globMatches } from '../rules/glob.ts';
import { STRATEGIES, type Strategy } from '../strategies.ts';

/** How the values of a column are hidden. */
export interface Treatment {
  readonly strategy: Strategy;
  /** How many bytes at the end `partial` shows. */
  readonly keep: number;
}

/** A rule's patterns with how it hides. */
export interface ColumnRule extends Treatment {
  readonly columns: readonly string[];
}

const PATTERNS_MAX = 1_000;
const PATTERN_CHARACTERS_MAX = 254;
const PARTS_MAX = 3;
/** Names of people's tables are few; those of a client that makes them up are many. */
const REMEMBERED_MAX = 10_000;

/** Of two treatments the one that shows less. */
export function stricterOf(one: Treatment | undefined, other: Treatment | undefined): Treatment | undefined {
  if (!one || !other || one === other) return one ?? other;
  const strategy = STRATEGIES.indexOf(one.strategy) <= STRATEGIES.indexOf(other.strategy) ? one.strategy : other.strategy;
  return { strategy, keep: Math.min(one.keep, other.keep) };
}

/** What is left to show of a value that is made of a hidden one: less than of the value itself, because a client chooses how it is made. */
export function derived(treatment: Treatment | undefined): Treatment | undefined {
  if (!treatment || treatment.strategy === 'null' || treatment === REDACTED) return treatment;
  return REDACTED;
}

const REDACTED: Treatment = { strategy: 'redact', keep: 0 };

interface Pattern {
  /** From the right: the column, its table, the schema. */
  readonly parts: readonly string[];
  readonly treatment: Treatment;
}

/** Patterns of columns: `*email*`, `users.email`, `hr.users.ssn`. Letters of any size. */
export class ColumnPatterns {
  readonly #patterns: readonly Pattern[];
  readonly #known = new Map<string, Treatment | undefined>();
  /** For what cannot be told apart from a hidden column. */
  readonly strictest: Treatment;

  /** @throws Refusal `invalid_rule` */
  constructor(rules: readonly ColumnRule[]) {
    this.#patterns = rules.flatMap(({ columns, strategy, keep }) => {
      const treatment = { strategy, keep };
      return columns.map((column) => ({ parts: partsOf(column), treatment }));
    });
    if (this.#patterns.length > PATTERNS_MAX)
      throw new Refusal('invalid_rule', `A connection may have at most ${PATTERNS_MAX} patterns of columns`);
    this.strictest =
      derived(this.#patterns.reduce<Treatment | undefined>((most, { treatment }) => stricterOf(most, treatment), undefined)) ?? REDACTED;
  }

  /**
   * How a column is hidden; undefined when it is not.
   * @param table as far as it is known: `['hr', 'users']`, `['users']`; empty when nothing is, so that it may be any
   */
  of(table: readonly string[], column: string): Treatment | undefined {
    return this.#remembered(`${column}\0${table.join('\0')}`, () => this.#strictestOf([column, ...[...table].reverse()]));
  }

  /** The same for a name that a client is shown: patterns that say a table are not about it. */
  ofName(name: string): Treatment | undefined {
    return this.#remembered(`\0${name}`, () => this.#strictestOf([name], 1));
  }

  /** What a whole row of a table may have in it; undefined when no column of it is hidden. */
  ofRow(table: readonly string[]): Treatment | undefined {
    return this.#remembered(`\0\0${table.join('\0')}`, () => this.#strictestOf([undefined, ...[...table].reverse()]));
  }

  /** Whether a pattern names this table, so that its columns are hidden only as long as it has its name. */
  namesTable(table: readonly string[]): boolean {
    const given = [undefined, ...[...table].reverse()];
    return this.#patterns.some(({ parts }) => parts.length > 1 && fits(parts, given));
  }

  /** Whether a pattern names a schema. */
  namesSchema(schema: string): boolean {
    return this.#patterns.some(({ parts }) => parts.length > 2 && globMatches(parts[2] ?? '', schema));
  }

  #strictestOf(given: readonly (string | undefined)[], partsMax = PARTS_MAX): Treatment | undefined {
    return this.#patterns.reduce<Treatment | undefined>(
      (most, { parts, treatment }) => (parts.length <= partsMax && fits(parts, given) ? stricterOf(most, treatment) : most),
      undefined,
    );
  }

  #remembered(key: string, find: () => Treatment | undefined): Treatment | undefined {
    if (this.#known.has(key)) return this.#known.get(key);
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear();
    const found = find();
    this.#known.set(key, found);
    return found;
  }
}

/** A part that one side does not say fits. */
function fits(parts: readonly string[], given: readonly (string | undefined)[]): boolean {
  return parts.every((part, index) => {
    const text = given[index];
    return text === undefined || text === '' || globMatches(part, text);
  });
}

function partsOf(pattern: string): readonly string[] {
  const parts = pattern.trim().split('.');
  if (pattern.length > PATTERN_CHARACTERS_MAX || parts.length > PARTS_MAX || parts.some((part) => part.trim() === '')) {
    throw new Refusal(
      'invalid_rule',
      `${JSON.stringify(pattern.slice(0, PATTERN_CHARACTERS_MAX))} is not a pattern of columns; write *email*, users.email or hr.users.email`,
    );
  }
  return parts.reverse();
}
