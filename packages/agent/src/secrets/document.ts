import { Misconfigured, TargetFault } from '@hoop/core/errors';
import { Secret } from '@hoop/core/secret';

/** What a store keeps under one id, and how long it may be used without asking again. */
export interface SecretDocument {
  readonly values: ReadonlyMap<string, Secret>;
  readonly ttl_ms: number;
}

/**
 * The faults of a store. They are the second half of a sentence, whose first half names setting and reference (see target-secrets.ts).
 * None has a cause: errors of parsers and clients quote what they were reading.
 */
export function unavailable(why: string): TargetFault {
  return new TargetFault('secret_unavailable', why);
}

/** The store is there, and somebody has to change something before it says more. */
export function unreadable(why: string): Misconfigured {
  return new Misconfigured('secret_unavailable', why);
}

export function notFound(why: string): Misconfigured {
  return new Misconfigured('secret_not_found', why);
}

export function invalidReference(why: string): Misconfigured {
  return new Misconfigured('secret_reference_invalid', why);
}

/** JSON text as an object; undefined where it is none. */
export function objectOf(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(json);
    return isObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The values of an object by key: text as it is, everything else as JSON, so that a port may be a number. Null is no value. */
export function valuesOf(object: Readonly<Record<string, unknown>>): Map<string, Secret> {
  const values = new Map<string, Secret>();
  for (const [key, value] of Object.entries(object)) {
    if (value === null || value === undefined) continue;
    values.set(key, new Secret(typeof value === 'string' ? value : JSON.stringify(value)));
  }
  return values;
}
