import { z } from 'zod';

/** Names of resources: connections, agents, groups' members and rules are called by them in URLs and in DSNs. */
export const ResourceName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'Use letters, digits, dots, dashes and underscores, starting with a letter or digit')
  .min(1)
  .max(128);

/** A moment, RFC 3339 in UTC. */
export const Time = z.iso.datetime().meta({ pattern: undefined });

export const Id = z.uuid();

export const NameOrIdParams = z.object({ nameOrID: z.string().min(1).max(254) });

/** A switch as the API writes it. */
export const Switch = z.enum(['enabled', 'disabled']);

/** A field that replies carry and callers may send back unchanged; it is ignored. */
export const readOnly = z.unknown().optional().meta({ readOnly: true, description: 'Read only: ignored when sent' });

/**
 * A field of a feature that this release does not have. It may be sent empty;
 * anything else is refused, because a rule that is accepted and not kept is worse than none.
 */
export function emptyOnly(feature: string) {
  const refusal = `${feature} are not available in this release; leave this field out`;
  const isEmpty = (value: unknown): boolean =>
    value === null || value === '' || value === false || (typeof value === 'object' && Object.keys(value).length === 0);
  return z
    .unknown()
    .optional()
    .refine((value) => value === undefined || isEmpty(value), refusal)
    .meta({ description: `Reserved: ${feature}` });
}

/** Body of every answer that is not a success. */
export const ErrorReply = z.object({
  message: z.string(),
  /** Stable; programs match on it. */
  code: z.string(),
  /** The part of the request that is at fault, such as `secret.envvar:PORT`. */
  field: z.string().optional(),
});
export type ErrorReply = z.infer<typeof ErrorReply>;

export const StatusReply = z.object({ status: z.literal('ok') });
