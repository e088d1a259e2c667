import type { BodyOf, ParamsOf, QueryOf, Route } from '@hoop/contract/route';
import type { RouteName, routes } from '@hoop/contract/routes/all';
import type { Identity } from '@hoop/core/identity';
import type { ZodType, z } from 'zod';
import type { Origin } from '../ports.ts';

/** A request that has passed authentication, the role check and validation. */
export interface Call<R extends Route = Route> {
  /** Undefined on public routes only. */
  readonly identity: R['role'] extends 'public' ? undefined : Identity;
  readonly params: ParamsOf<R>;
  readonly query: QueryOf<R>;
  readonly body: BodyOf<R>;
  /** The client's address. */
  readonly peer: string;
  readonly origin: Origin;
  /** Aborts when the client hangs up before the answer. */
  readonly signal: AbortSignal;
}

type ReplyInput<R> = R extends { reply: infer S extends ZodType } ? z.input<S> : undefined;

/** What a handler gives back. The body passes through the route's reply schema: a field that is not in the contract does not leave. */
export interface Done<R extends Route = Route> {
  readonly body: ReplyInput<R>;
  /** The route's usual one unless said. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Handler<R extends Route> = (call: Call<R>) => Promise<Done<R>> | Done<R>;

/** One handler a route: a route without one does not compile. */
export type Handlers = { readonly [Name in RouteName]: Handler<(typeof routes)[Name]> };

/** The answer of routes that have no body. */
export const NO_BODY = Object.freeze({ body: undefined });
