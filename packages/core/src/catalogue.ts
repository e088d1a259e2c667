/**
 * What was at a target before a session: whatever shows columns of tables under other names. Plain data, as the target's own catalogue
 * tells it; what it means is for policy to say.
 */
export interface Catalogue {
  /** Changes when anything in it does. */
  readonly digest: string;
  readonly views: readonly CatalogueView[];
  readonly computed: readonly ComputedColumn[];
  readonly routines: readonly CatalogueRoutine[];
  readonly relatives: readonly Relatives[];
  readonly callers: readonly Caller[];
}

/** A view, or a materialized one. */
export interface CatalogueView {
  readonly schema: string;
  readonly name: string;
  /** Its columns, in their order; empty where the target does not tell a name. */
  readonly columns: readonly string[];
  /** The query behind it, with every name said whole; empty where the target does not show it. */
  readonly definition: string;
}

/** A column that the target computes from others of its table. */
export interface ComputedColumn {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  readonly expression: string;
}

/** A function or procedure that people made. */
export interface CatalogueRoutine {
  /** Its own among routines, whatever they are called. */
  readonly id: string;
  readonly schema: string;
  readonly name: string;
  /** The statement that makes it, with its body; empty where the target does not show it. */
  readonly definition: string;
  readonly language: string;
  /** Columns of its rows, where it has such with names of their own. */
  readonly columns: readonly string[];
  /** Of what table its rows have the type; empty where of none. */
  readonly rowOf: readonly string[];
  /** It can be given a row, so that `u.f` may be a call of it. */
  readonly takesRow: boolean;
  /** Of an aggregate: which routines it is made of. */
  readonly madeOf: readonly string[];
}

/** A table whose rows are also read through another one: a child, a partition. */
export interface Relatives {
  readonly parent: readonly [schema: string, name: string];
  readonly child: readonly [schema: string, name: string];
}

/** What calls a routine without saying its name. */
export interface Caller {
  readonly kind: 'operator' | 'cast';
  /** Of the operator, or of the type that is cast to. */
  readonly name: string;
  readonly routine: string;
}

/** Where policy asks what is at the target: at once, where it is known already. */
export interface CatalogueSource {
  /** Undefined: it cannot be read. Never rejects. */
  current(): Catalogue | undefined | Promise<Catalogue | undefined>;
}
