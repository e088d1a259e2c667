import type { Route } from '@hoop/contract/route';
import type { ZodType, z } from 'zod';
import { invalid } from '../api/failures.ts';

/** What a request says, as the route's schemas understand it. */
export interface Given {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

/** @throws Refusal `invalid` that names the field; values are not repeated, because they may be secrets */
export function validate(route: Route, raw: Given): Given {
  return {
    params: checked(route.params, raw.params),
    query: checked(route.query, raw.query),
    // No body at all is told by naming the fields that are missing.
    body: checked(route.body, raw.body ?? {}),
  };
}

function checked(schema: ZodType | undefined, value: unknown): unknown {
  if (!schema) return undefined;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw issue ? issueFailure(issue) : invalid('', 'The request is not valid');
}

function issueFailure(issue: z.core.$ZodIssue): Error {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? '';
    const field = [...path, key].join('.');
    return invalid(field, `Unknown field ${quoted(field)}; leave it out or correct its name`);
  }
  if (issue.code === 'invalid_key') {
    const why = issue.issues[0]?.message ?? 'not a name that is taken here';
    return invalid(path.join('.'), `${quoted(path.join('.'))}: ${why}`);
  }
  const field = path.join('.');
  if (isMissing(issue)) return invalid(field, `${quoted(field)} is required`);
  return invalid(field, field === '' ? issue.message : `${quoted(field)}: ${issue.message}`);
}

function isMissing(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'invalid_type' && /received undefined$/.test(issue.message);
}

/** A field's name comes from the client: keep it short. */
function quoted(name: string): string {
  return name.length > 100 ? `${name.slice(0, 100)}…` : name;
}
