import { Refusal } from '@hoop/core/errors';

/** There is no such thing, or the caller may not know of it. */
export function notFound(what: string): Refusal {
  return new Refusal('not_found', `There is no such ${what}`);
}

/** A value that the schema takes and the rest of the system does not; `field` names it as the request does. */
export function invalid(field: string, message: string): Refusal {
  return new Refusal('invalid', message, { facts: { field } });
}

/** A moment as the API writes it. */
export function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
