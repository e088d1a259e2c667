import type { Catalogue, CatalogueRoutine, CatalogueView, ComputedColumn, Relatives } from '@hoop/core/catalogue';
import { anythingHidden, type Known, type RoutineResult } from './known.ts';
import { type Item, isStar, type Output, opaque, QuerySource, rowOf, type Source } from './output.ts';
import { type ColumnPatterns, derived, stricterOf, type Treatment } from './patterns.ts';
import { type NamedQueries, Reading } from './reading.ts';

/** How definitions of a dialect are read. What they throw hides all that is defined. */
export interface DefinitionReaders {
  /** Names of any size are the same. */
  readonly folds: boolean;
  query(text: string, reading: Reading): Output;
  expression(text: string, table: readonly string[], reading: Reading): Treatment | undefined;
  /** What a call of it gives, column by column where that can be told. */
  routine(routine: CatalogueRoutine, reading: Reading): Output;
}

/** Views on views, functions in functions. People's are a few deep. */
const DEPTH_MAX = 40;

/** Names of tables that clients said: a client may make them up. */
const FOUND_MAX = 10_000;

const NO_NAMES: NamedQueries = { define: () => undefined, of: () => undefined };

/**
 * Which views, computed columns and routines of a target show hidden columns, by what its catalogue says of them. A definition is read
 * when a statement names it, and once.
 */
export class AtTarget implements Known {
  readonly #patterns: ColumnPatterns;
  readonly #readers: DefinitionReaders;
  readonly #unseen: Treatment | undefined;
  readonly #views: ReadonlyMap<string, readonly CatalogueView[]>;
  readonly #computed: ReadonlyMap<string, readonly ComputedColumn[]>;
  readonly #relatives: ReadonlyMap<string, readonly Relatives[]>;
  readonly #routines: ReadonlyMap<string, readonly CatalogueRoutine[]>;
  readonly #byId: ReadonlyMap<string, CatalogueRoutine>;
  readonly #operators: ReadonlyMap<string, readonly string[]>;
  readonly #casts: ReadonlyMap<string, readonly string[]>;
  readonly #readViews = new Map<CatalogueView, Source>();
  readonly #readComputed = new Map<ComputedColumn, Treatment | undefined>();
  readonly #readRoutines = new Map<CatalogueRoutine, RoutineResult>();
  readonly #found = new Map<string, readonly Source[]>();
  #depth = 0;

  /** @param unseen how what has no definition to read is hidden */
  constructor(catalogue: Catalogue, patterns: ColumnPatterns, readers: DefinitionReaders, unseen: Treatment | undefined) {
    this.#unseen = unseen;
    this.#patterns = patterns;
    this.#readers = readers;
    this.#views = grouped(catalogue.views, ({ name }) => [this.#folded(name)]);
    this.#computed = grouped(catalogue.computed, ({ table }) => [this.#folded(table)]);
    this.#relatives = grouped(catalogue.relatives, ({ parent, child }) => new Set([this.#folded(parent[1]), this.#folded(child[1])]));
    this.#routines = grouped(catalogue.routines, ({ name }) => [this.#folded(name)]);
    this.#byId = new Map(catalogue.routines.map((routine) => [routine.id, routine]));
    const callers = (kind: string) => catalogue.callers.filter((caller) => caller.kind === kind);
    this.#operators = mapped(grouped(callers('operator'), ({ name }) => [name]));
    this.#casts = mapped(grouped(callers('cast'), ({ name }) => [name]));
  }

  column(table: readonly string[], name: string): Treatment | undefined {
    return this.#over(table, (beside) => beside.column(name));
  }

  row(table: readonly string[]): Treatment | undefined {
    return this.#over(table, (beside) => beside.row());
  }

  routine(name: readonly string[]): RoutineResult | undefined {
    const found = this.#named(this.#routines, name, ({ schema }) => schema);
    const [first, ...others] = found.map((routine) => this.#result(routine));
    if (!first || others.length === 0) return first;
    // Which of them is meant is for the server to say.
    const row = others.reduce((most, each) => stricterOf(most, each.row), first.row);
    return { row, output: [{ star: [first, ...others].map(({ output }) => new QuerySource(output)) }] };
  }

  operator(name: string): Treatment | undefined {
    return this.#called(this.#operators.get(name));
  }

  cast(type: string): Treatment | undefined {
    return this.#called(this.#casts.get(type));
  }

  takesRow(name: string): boolean {
    return this.#routines.get(this.#folded(name))?.some(({ takesRow }) => takesRow) === true;
  }

  #called(ids: readonly string[] | undefined): Treatment | undefined {
    return ids?.reduce<Treatment | undefined>((most, id) => {
      const routine = this.#byId.get(id);
      return routine ? stricterOf(most, derived(this.#result(routine).row)) : most;
    }, undefined);
  }

  /** Everything that may be meant by a table's name, and the tables that share rows with it. */
  #over(table: readonly string[], find: (beside: Source) => Treatment | undefined): Treatment | undefined {
    return this.#besides(table).reduce<Treatment | undefined>((most, beside) => stricterOf(most, find(beside)), undefined);
  }

  #besides(table: readonly string[]): readonly Source[] {
    const key = table.join('\0');
    const known = this.#found.get(key);
    if (known) return known;
    const sources: Source[] = [];
    const seen = new Set<string>();
    const visit = (name: readonly string[], way: 'up' | 'down'): void => {
      const place = `${way} ${name.join('\0')}`;
      if (seen.has(place)) return;
      seen.add(place);
      for (const view of this.#named(this.#views, name, ({ schema }) => schema)) sources.push(this.#view(view));
      for (const each of this.#named(this.#computed, name, ({ schema }) => schema)) sources.push(this.#computedSource(each));
      if (name !== table && this.#patterns.namesTable(name)) sources.push(this.#plain(name));
      for (const { parent, child } of this.#relatives.get(this.#folded(name.at(-1) ?? '')) ?? []) {
        if (way === 'down' && this.#isNamed(name, parent[0], parent[1])) visit(child, way);
        if (way === 'up' && this.#isNamed(name, child[0], child[1])) visit(parent, way);
      }
    };
    visit(table, 'down');
    visit(table, 'up');
    if (this.#found.size >= FOUND_MAX) this.#found.clear();
    this.#found.set(key, sources);
    return sources;
  }

  #plain(table: readonly string[]): Source {
    const patterns = this.#patterns;
    return { column: (name) => patterns.of(table, name), has: () => undefined, row: () => patterns.ofRow(table) };
  }

  #view(view: CatalogueView): Source {
    const known = this.#readViews.get(view);
    if (known) return known;
    const source = this.#guarded(
      () => {
        if (view.definition === '') return opaque(this.#unseen);
        const output = this.#readers.query(view.definition, this.#reading(view.definition));
        if (output.some(isStar) || output.length < view.columns.length) return opaque(rowOf(output));
        // One whose name is not told may have any.
        const named = output.map(
          (part, index): Item => ({ name: this.#folded(view.columns[index] ?? '') || undefined, hidden: part.hidden }),
        );
        return new QuerySource(named);
      },
      () => opaque(this.#patterns.strictest),
    );
    this.#readViews.set(view, source);
    return source;
  }

  #computedSource(computed: ComputedColumn): Source {
    const table = [computed.schema, computed.table];
    if (!this.#readComputed.has(computed)) {
      const hidden = this.#guarded(
        () => this.#readers.expression(computed.expression, table, this.#reading(computed.expression)),
        () => this.#patterns.strictest,
      );
      this.#readComputed.set(computed, hidden);
    }
    return new QuerySource([{ name: this.#folded(computed.column), hidden: this.#readComputed.get(computed) }]);
  }

  #result(routine: CatalogueRoutine): RoutineResult {
    const known = this.#readRoutines.get(routine);
    if (known) return known;
    const all = anythingHidden(this.#patterns.strictest);
    // One that calls itself gives what it gives, and that is not known before it was read.
    this.#readRoutines.set(routine, all);
    const result = this.#guarded(
      () => {
        if (routine.madeOf.length > 0) return anythingHidden(this.#called(routine.madeOf));
        if (routine.definition === '') return anythingHidden(this.#unseen);
        const output = this.#renamed(this.#readers.routine(routine, this.#reading(routine.definition)), routine);
        return { output, row: rowOf(output) };
      },
      () => all,
    );
    this.#readRoutines.set(routine, result);
    return result;
  }

  /** What a routine gives under the names that its type has. */
  #renamed(output: Output, { columns, rowOf: type }: CatalogueRoutine): Output {
    // A value that stands alone is called as the function is, or as its caller likes.
    if (columns.length === 0) return output.map((part): Output[number] => (isStar(part) ? part : { hidden: part.hidden }));
    if (output.length === columns.length && !output.some(isStar))
      return columns.map((name, index) => ({ name: this.#folded(name), hidden: (output[index] as Item).hidden }));
    const [only] = output;
    const source = output.length === 1 && only && isStar(only) && only.star.length === 1 ? only.star[0] : undefined;
    // All columns of the table that the rows have the type of, so that each keeps its name.
    if (source?.table && type.length > 0 && this.#isNamed(source.table, type[0] ?? '', type[1] ?? '')) return output;
    return [{ star: [opaque(derived(rowOf(output)))] }];
  }

  #reading(text: string): Reading {
    return new Reading(this.#patterns, NO_NAMES, text, this);
  }

  #guarded<T>(read: () => T, otherwise: () => T): T {
    if (this.#depth >= DEPTH_MAX) return otherwise();
    this.#depth++;
    try {
      return read();
    } catch {
      return otherwise();
    } finally {
      this.#depth--;
    }
  }

  #named<T>(index: ReadonlyMap<string, readonly T[]>, name: readonly string[], schemaOf: (each: T) => string): readonly T[] {
    const found = index.get(this.#folded(name.at(-1) ?? '')) ?? [];
    const schema = name.at(-2);
    return schema === undefined ? found : found.filter((each) => this.#folded(schemaOf(each)) === this.#folded(schema));
  }

  #isNamed(name: readonly string[], schema: string, table: string): boolean {
    const given = name.at(-2);
    return this.#folded(name.at(-1) ?? '') === this.#folded(table) && (given === undefined || this.#folded(given) === this.#folded(schema));
  }

  #folded(name: string): string {
    return this.#readers.folds ? name.toLowerCase() : name;
  }
}

/** Whether there is anything that the target does not show how it is made. */
export function hasUnseen({ views, routines }: Catalogue): boolean {
  return (
    views.some(({ definition }) => definition === '') || routines.some(({ definition, madeOf }) => definition === '' && madeOf.length === 0)
  );
}

function grouped<T>(all: readonly T[], keysOf: (each: T) => Iterable<string>): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const each of all) {
    for (const key of keysOf(each)) {
      const group = groups.get(key);
      if (group) group.push(each);
      else groups.set(key, [each]);
    }
  }
  return groups;
}

function mapped(groups: ReadonlyMap<string, readonly { readonly routine: string }[]>): ReadonlyMap<string, readonly string[]> {
  return new Map([...groups].map(([name, callers]) => [name, callers.map(({ routine }) => routine)]));
}
