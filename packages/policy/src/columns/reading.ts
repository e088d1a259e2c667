import { Doubt } from '../sql/facts.ts';
import { type Known, NOTHING_KNOWN } from './known.ts';
import type { Output } from './output.ts';
import { type ColumnPatterns, stricterOf, type Treatment } from './patterns.ts';

/** What was prepared or declared under a name in this session. */
export interface NamedQueries {
  define(name: string, outputs: readonly Output[]): void;
  /** Everything that may be behind a name; undefined when that is not known. */
  of(name: string): readonly Output[] | undefined;
}

/** More nodes than this are not looked at: queries inside queries are read more than once. */
const STEPS_MAX = 100_000;

/** What one statement is read with, and what was found beside its columns. */
export class Reading {
  readonly patterns: ColumnPatterns;
  readonly named: NamedQueries;
  /** The statement as it was written. */
  readonly text: string;
  /** What is at the target. */
  readonly known: Known;
  #steps = 0;
  #denial: string | undefined;
  #touches = false;

  constructor(patterns: ColumnPatterns, named: NamedQueries, text: string, known: Known = NOTHING_KNOWN) {
    this.patterns = patterns;
    this.named = named;
    this.text = text;
    this.known = known;
  }

  /** For what cannot be understood. */
  get strictest(): Treatment {
    return this.patterns.strictest;
  }

  /** Why the statement must not run; the first reason. */
  get denial(): string | undefined {
    return this.#denial;
  }

  /** Whether a hidden value is read anywhere, so that an error may quote it. */
  get touches(): boolean {
    return this.#touches;
  }

  /** How a column of a table is hidden: by its name, or for what the target makes it of. */
  ofColumn(table: readonly string[], column: string): Treatment | undefined {
    return stricterOf(this.patterns.of(table, column), table.length === 0 ? undefined : this.known.column(table, column));
  }

  /** What a whole row of a table may have in it. */
  ofRow(table: readonly string[]): Treatment | undefined {
    return stricterOf(this.patterns.ofRow(table), table.length === 0 ? undefined : this.known.row(table));
  }

  deny(why: string): void {
    this.#denial ??= why;
  }

  touch(): void {
    this.#touches = true;
  }

  /** Notes that a value was read. Gives it back. */
  read(hidden: Treatment | undefined): Treatment | undefined {
    if (hidden) this.#touches = true;
    return hidden;
  }

  /** @throws Doubt when the statement takes too long */
  step(): void {
    if (++this.#steps > STEPS_MAX) throw new Doubt('it is too long to be read in time');
  }
}

/** What a statement that takes a hidden value elsewhere is told. */
export function takesAway(what: string): string {
  return `${what} would take the values of a masked column away from its name. Leave that column out`;
}
