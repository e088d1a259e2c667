import { z } from 'zod';
import { route } from '../route.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal'] as const;

export const ServerLog = z.object({
  /** When it was logged, RFC 3339 in UTC, by the clock of whoever logged it. */
  time: z.iso.datetime().meta({ pattern: undefined }),
  level: z.enum(LOG_LEVELS),
  message: z.string(),
  /** Name of the agent that logged it; empty where the gateway did. */
  agent: z.string(),
  /** Facts of the entry, as JSON text. */
  facts: z.string(),
});
export type ServerLog = z.infer<typeof ServerLog>;

export const listServerLogs = route({
  method: 'GET',
  path: '/server-logs',
  summary: 'The last log entries that this gateway and its agents wrote, the oldest first; kept in memory only',
  role: 'admin',
  query: z.strictObject({
    /** Name of an agent; `gateway` for the gateway's own entries. */
    agent: z.string().max(254).optional(),
    /** This level and graver ones. */
    level: z.enum(LOG_LEVELS).optional(),
    /** Entries since this moment. */
    since: z.iso.datetime({ offset: true }).optional(),
    /** The newest ones of what matches. */
    limit: z.coerce.number<number | string>().int().min(1).max(1_000).default(200),
  }),
  reply: z.array(ServerLog),
});
