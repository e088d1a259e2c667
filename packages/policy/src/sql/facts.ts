/** The SQL that a statement is read as. */
export type Dialect = 'postgres' | 'mysql' | 'mssql';

/** What a statement does, most consequential first: the first one that holds is its operation. */
export const EFFECTS = [
  'program',
  'drop',
  'truncate',
  'delete',
  'update',
  'merge',
  'insert',
  'file_write',
  'file_read',
  'alter',
  'create',
  'grant',
  'revoke',
  'set_role',
  'call',
  'do',
  'execute',
  'prepare',
  'copy',
  'lock',
  'set',
  'transaction',
  'explain',
  'show',
  'select',
  'other',
] as const;
export type Effect = (typeof EFFECTS)[number];

/** What is worth a rule of its own, beyond what a statement does. */
export const TRAITS = [
  'update_without_where',
  'delete_without_where',
  'ddl',
  'grants',
  'multi_statement',
  'data_modifying_cte',
  'select_into',
  'copy_program',
] as const;
export type Trait = (typeof TRAITS)[number];

/** What a rule of type `operation` may name. */
export const OPERATIONS: readonly (Effect | Trait)[] = [...EFFECTS, ...TRAITS];

export type Access = 'read' | 'write';

export interface TableUse {
  /** As far as the statement says it: `users`, `public.users`. Folded as the dialect folds it. */
  readonly name: string;
  readonly access: Access;
}

export interface ColumnUse {
  readonly name: string;
  readonly access: Access;
}

/** One statement of a text. */
export interface Statement {
  readonly operation: Effect;
  readonly effects: readonly (Effect | Trait)[];
  readonly tables: readonly TableUse[];
  /** Called anywhere in it, also in what it creates or prepares. */
  readonly functions: readonly string[];
  /** Known only where the dialect's own parser read the statement. */
  readonly columns?: readonly ColumnUse[];
  /** The statement itself, for showing. */
  readonly text: string;
}

export interface Facts {
  readonly statements: readonly Statement[];
  /** Why it cannot be said for sure what this text does. Then `statements` is what is known, and not all. */
  readonly unclassified?: string;
}

/** Thrown while a text is read when it cannot be said what it does. Never leaves this folder. */
export class Doubt extends Error {}

/** Collects what one statement does. */
export class StatementFacts {
  /** Whether anybody asks for columns and for what tables are called. */
  readonly withNames: boolean;
  readonly effects = new Set<Effect | Trait>();
  readonly #tables = new Map<string, TableUse>();
  readonly functions = new Set<string>();
  readonly #columns = new Map<string, ColumnUse>();
  /** What tables are called in it. */
  readonly aliases = new Set<string>();
  doubt: string | undefined;

  constructor(withNames = true) {
    this.withNames = withNames;
  }

  does(...effects: readonly (Effect | Trait)[]): void {
    for (const effect of effects) this.effects.add(effect);
  }

  table(name: string, access: Access): void {
    this.#tables.set(`${access} ${name}`, { name, access });
  }

  column(name: string, access: Access): void {
    this.#columns.set(`${access} ${name}`, { name, access });
  }

  calls(name: string): void {
    this.functions.add(name);
  }

  /** The first doubt is kept: it is the one that a person can do something about. */
  doubts(why: string): void {
    this.doubt ??= why;
  }

  /** Takes over what `other` found, as something that this statement may do. */
  include(other: StatementFacts): void {
    this.does(...other.effects);
    this.includeUses(other, undefined);
  }

  /** Takes over only what `other` touches; `access` instead of what it would do with it. */
  includeUses(other: StatementFacts, access: Access | undefined): void {
    for (const use of other.#tables.values()) this.table(use.name, access ?? use.access);
    for (const use of other.#columns.values()) this.column(use.name, access ?? use.access);
    for (const name of other.functions) this.calls(name);
    for (const alias of other.aliases) this.aliases.add(alias);
    if (other.doubt !== undefined) this.doubts(other.doubt);
  }

  done(text: string, withColumns: boolean): Statement {
    addTraits(this.effects);
    const operation = EFFECTS.find((effect) => this.effects.has(effect)) ?? 'other';
    return {
      operation,
      effects: this.effects.size === 0 ? [operation] : [...this.effects],
      tables: [...this.#tables.values()],
      functions: [...this.functions],
      ...(withColumns ? { columns: [...this.#columns.values()] } : {}),
      text,
    };
  }
}

/** What follows from what it does. */
function addTraits(effects: Set<Effect | Trait>): void {
  if (effects.has('create') || effects.has('alter') || effects.has('drop') || effects.has('truncate')) effects.add('ddl');
  if (effects.has('grant') || effects.has('revoke')) effects.add('grants');
}
