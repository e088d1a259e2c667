import type { ZodType, z } from 'zod';

/** Who may call a route. `all`: any user; `user`: admin or standard, an auditor not; admins pass every check. */
export type RouteRole = 'admin' | 'admin-or-auditor' | 'all' | 'user' | 'public';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/**
 * A REST route as a value: the one source of its validation, its types, the typed client and the OpenAPI document.
 * `path` is relative to `/api` and names parameters as `:name`.
 */
export interface Route<
  Params extends ZodType = ZodType,
  Query extends ZodType = ZodType,
  Body extends ZodType = ZodType,
  Reply extends ZodType = ZodType,
> {
  readonly method: Method;
  readonly path: `/${string}`;
  readonly summary: string;
  readonly role: RouteRole;
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  /** The reply of success, and its status (200 where not said). No schema: no body. */
  readonly reply?: Reply;
  readonly status?: number;
  /** Other successful statuses with the same shape, such as 202. */
  readonly otherStatuses?: readonly number[];
  /** The admin audit log's name of this action, `agent.create`; undefined where nothing is changed. */
  readonly audit?: string;
}

/** Gives a route its exact type. */
export function route<const T extends Route>(definition: T): T {
  return definition;
}

export type ParamsOf<T> = T extends { params: infer S extends ZodType } ? z.output<S> : undefined;
export type QueryOf<T> = T extends { query: infer S extends ZodType } ? z.output<S> : undefined;
export type BodyOf<T> = T extends { body: infer S extends ZodType } ? z.output<S> : undefined;
export type ReplyOf<T> = T extends { reply: infer S extends ZodType } ? z.output<S> : undefined;
/** What a caller gives: before defaults are filled in. */
export type BodyInput<T> = T extends { body: infer S extends ZodType } ? z.input<S> : undefined;
export type QueryInput<T> = T extends { query: infer S extends ZodType } ? z.input<S> : undefined;
