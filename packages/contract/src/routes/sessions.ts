import { z } from 'zod';
import { AuditEvent, OutcomeFields } from '../audit.ts';
import { route } from '../route.ts';
import { emptyOnly, Id, Time } from './common.ts';

export const SESSION_LIST_MAX = 100;
export const SESSION_OFFSET_MAX = 10_000;
/** Where `count=capped` stops counting. */
export const SESSION_COUNT_CAP = 10_000;

/** One action of a session: what was asked, what the gate said, how it ended. */
export const SessionAction = z.object({
  seq: z.number().int(),
  time: Time,
  via: z.string(),
  text: z.string(),
  /** Bytes of the whole text, present when it was cut. */
  text_bytes: z.number().int().optional(),
  verdict: z.enum(['allow', 'deny', 'hold']),
  rule: z.string().optional(),
  message: z.string().optional(),
  /** Of one that was held: what people said, and when; absent while they are asked. */
  decision: z.object({ time: Time, approved: z.boolean(), by: z.string().optional(), reason: z.string().optional() }).optional(),
  /** Absent while it runs, and when it was denied. */
  outcome: OutcomeFields.optional(),
});
export type SessionAction = z.infer<typeof SessionAction>;

/** A terminal of a session that may have several, as each channel of an SSH client is one. */
export const SessionTerminal = z.object({
  /** The action that began it: what `seq` of its output is. */
  seq: z.number().int(),
  /** That action; absent where it is not recorded. */
  text: z.string().optional(),
  /** When it showed something first. */
  time: Time,
  bytes: z.number().int(),
  /** Its first size. */
  size: z.object({ columns: z.number().int(), rows: z.number().int() }).optional(),
});
export type SessionTerminal = z.infer<typeof SessionTerminal>;

export const Session = z.object({
  id: z.string(),
  org_id: z.string(),
  user: z.string(),
  user_id: z.string(),
  user_name: z.string(),
  connection: z.string(),
  type: z.string(),
  connection_subtype: z.string(),
  connection_tags: z.record(z.string(), z.string()),
  verb: z.enum(['connect', 'exec']),
  origin: z.string(),
  status: z.enum(['open', 'ready', 'done']),
  exit_code: z.number().int().nullable(),
  labels: z.record(z.string(), z.string()),
  metadata: z.record(z.string(), z.string()),
  metrics: z.record(z.string(), z.unknown()),
  script_size: z.number().int(),
  event_size: z.number().int(),
  /** Why it ended: a stable code. */
  end_reason: z.string().nullable(),
  /** The credential that it came in with. */
  credential_id: z.string().nullable(),
  correlation_id: z.string().nullable(),
  session_batch_id: z.string().nullable(),
  start_date: Time,
  end_date: Time.nullable(),
  /** With `expand=session_input`: the script of an exec. */
  script: z.object({ data: z.string() }).optional(),
  /** With `expand=actions`. */
  actions: z.array(SessionAction).optional(),
  /** With `expand=event_stream`: the audit records as they were written, of the same actions. */
  event_stream: z.array(z.object({ time: Time, event: AuditEvent })).optional(),
  /** With `expand=terminals`, of protocols that tell them apart: those that showed something, in the order in which they were begun. */
  terminals: z.array(SessionTerminal).optional(),
  /** True when there are more actions than one reply takes; `next_after` is then what to give as `after` for the next ones. */
  expand_truncated: z.boolean().optional(),
  next_after: z.number().int().optional(),
  /** With `event_stream`, of sessions with a transcript: what to give as `output_after`, together with `after`. */
  next_output_after: z.number().int().optional(),
});
export type Session = z.infer<typeof Session>;

const SessionParams = z.object({ session_id: Id });

export const listSessions = route({
  method: 'GET',
  path: '/sessions',
  summary: 'Lists sessions, newest first: the caller’s own; everybody’s for admins and auditors',
  role: 'all',
  query: z.strictObject({
    /** E-mail or id. */
    user: z.string().max(254).optional(),
    connection: z.string().max(128).optional(),
    type: z.string().max(64).optional(),
    status: z.enum(['open', 'ready', 'done']).optional(),
    correlation_id: z.string().max(255).optional(),
    start_date: Time.optional(),
    end_date: Time.optional(),
    limit: z.coerce.number<number | string>().int().min(1).max(SESSION_LIST_MAX).default(20),
    offset: z.coerce.number<number | string>().int().min(0).max(SESSION_OFFSET_MAX).default(0),
    count: z.enum(['exact', 'capped', 'none']).default('capped'),
  }),
  reply: z.object({
    data: z.array(Session),
    total: z.number().int().optional(),
    total_is_capped: z.boolean(),
    has_next_page: z.boolean(),
  }),
});

export const ExecReply = z.object({
  /** People are asked first; `output` then says where, and the result can be fetched later. */
  has_review: z.boolean(),
  review_id: z.string().optional(),
  session_id: z.string(),
  output: z.string(),
  output_status: z.enum(['success', 'failed', 'running', 'blocked']),
  truncated: z.boolean(),
  /** Milliseconds. */
  execution_time: z.number(),
  /** -2 while it is not known. */
  exit_code: z.number().int(),
});
export type ExecReply = z.infer<typeof ExecReply>;

const Labels = z
  .record(z.string().min(1).max(64), z.string().max(2_500))
  .refine((labels) => Object.keys(labels).length <= 20, 'At most 20 entries');

export const execSession = route({
  method: 'POST',
  path: '/sessions',
  summary: 'Runs a script on a connection; 202 with exit code -2 when people must approve it first, or it still runs after 50 seconds',
  role: 'user',
  body: z.strictObject({
    connection: z.string().min(1).max(254),
    script: z.string().max(8 * 1024 * 1024),
    labels: Labels.default({}),
    metadata: Labels.default({}),
    correlation_id: z
      .string()
      .max(255)
      .regex(/^[\x20-\x7e]*$/, 'Use printable ASCII')
      .optional(),
    session_batch_id: z.string().max(255).optional(),
    env_vars: emptyOnly('Environment variables of a request'),
    client_args: emptyOnly('Client arguments'),
    jira_fields: emptyOnly('Jira fields'),
  }),
  reply: ExecReply,
  otherStatuses: [202],
});

export const getSession = route({
  method: 'GET',
  path: '/sessions/:session_id',
  summary: 'Gets a session; what it did is shown to its owner, admins and auditors',
  role: 'all',
  params: SessionParams,
  query: z.strictObject({
    /** Any of `actions`, `event_stream`, `session_input`, `terminals`, joined by commas. */
    expand: z
      .string()
      .regex(/^(actions|event_stream|session_input|terminals)(,(actions|event_stream|session_input|terminals))*$/, {
        message: 'Use actions, event_stream, session_input and terminals, joined by commas',
      })
      .optional(),
    /** Leave out output of other terminals than that of this action: `seq` of one of the `terminals`. */
    terminal: z.coerce.number<number | string>().int().min(1).max(1_000_000_000).optional(),
    /** Leave out actions up to this number: `next_after` of the reply before. */
    after: z.coerce.number<number | string>().int().min(0).max(1_000_000_000).default(0),
    /** Leave out output up to this byte: `next_output_after` of the reply before. Without it, what was shown before the action `after`. */
    output_after: z.coerce.number<number | string>().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
  }),
  reply: Session,
});

export const getSessionResult = route({
  method: 'GET',
  path: '/sessions/:session_id/result',
  summary:
    'Gets what a script gave that was answered with 202; 202 again while it is not done. Kept for 15 minutes, by the gateway that ran it',
  role: 'all',
  params: SessionParams,
  reply: ExecReply,
  otherStatuses: [202],
});

export const killSession = route({
  method: 'POST',
  path: '/sessions/:session_id/kill',
  summary: 'Ends a session at once; owner or admin. 400 when it is not open',
  role: 'user',
  params: SessionParams,
  status: 204,
  audit: 'session.kill',
});
