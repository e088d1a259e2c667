import { z } from 'zod';
import { route } from '../route.ts';
import { Time } from './common.ts';

const Range = {
  /** E-mail of the user whose sessions count; who may not see everybody's is told of their own. */
  user_email: z.string().max(254).optional(),
  connection_name: z.string().max(128).optional(),
  verb: z.enum(['connect', 'exec']).optional(),
  /** Sessions that began at this time or later. */
  start_date: Time.optional(),
  /** Sessions that began before this time. */
  end_date: Time.optional(),
};

export const MaskingReport = z.object({
  /** The most hidden first. */
  items: z.array(
    z.object({
      /** What it is grouped by: a connection's name, a type, a user's e-mail, or a session's id. */
      resource: z.string(),
      info_type: z.string(),
      redact_total: z.number().int(),
    }),
  ),
  total_redact_count: z.number().int(),
  /** There were more sessions than one report reads: the newest are in it. */
  truncated: z.boolean(),
});
export type MaskingReport = z.infer<typeof MaskingReport>;

export const reportMasking = route({
  method: 'GET',
  path: '/reports/sessions',
  summary: 'How many values were hidden, by entity, in sessions that have ended: the caller’s own; everybody’s for admins and auditors',
  role: 'all',
  query: z.strictObject({
    ...Range,
    group_by: z.enum(['connection_name', 'connection_type', 'user_email', 'id']).default('connection_name'),
  }),
  reply: MaskingReport,
});

export const SessionFigures = z.object({
  total_sessions: z.number().int(),
  /** Of those that have ended; null when there is none. */
  avg_session_duration_sec: z.number().nullable(),
  sessions_with_masking: z.number().int(),
  unique_info_types: z.number().int(),
  total_masked: z.number().int(),
  truncated: z.boolean(),
});
export type SessionFigures = z.infer<typeof SessionFigures>;

export const measureSessions = route({
  method: 'GET',
  path: '/metrics/sessions',
  summary: 'Sessions in figures: the caller’s own; everybody’s for admins and auditors',
  role: 'all',
  query: z.strictObject(Range),
  reply: SessionFigures,
});
