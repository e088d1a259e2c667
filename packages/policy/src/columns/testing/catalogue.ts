import type { Catalogue, CatalogueRoutine } from '@hoop/core/catalogue';

let made = 0;

/** A catalogue of a test; what is not given is empty. */
export function catalogueOf(given: Partial<Catalogue>): Catalogue {
  return { digest: String(++made), views: [], computed: [], routines: [], relatives: [], callers: [], ...given };
}

export function view(name: string, columns: string, definition: string, schema = 'public'): Catalogue['views'][number] {
  return { schema, name, columns: columns.split(' '), definition };
}

export function routine(name: string, definition: string, more: Partial<CatalogueRoutine> = {}): CatalogueRoutine {
  const none = { columns: [], rowOf: [], madeOf: [], takesRow: false };
  return { id: name, schema: 'public', name, language: 'sql', definition, ...none, ...more };
}
