import { z } from 'zod';
import { route } from '../route.ts';
import { emptyOnly, readOnly, Time } from './common.ts';
import { Rule } from './guardrails.ts';

/** Findings in one reply. */
export const REPLAY_FINDINGS_MAX = 1_000;
/** How far back one may look. */
export const REPLAY_DAYS_MAX = 366;

const VERDICTS = ['block', 'require_approval', 'warn', 'log'] as const;

const Counts = z.object({
  block: z.number().int(),
  require_approval: z.number().int(),
  warn: z.number().int(),
  log: z.number().int(),
});

export const ReplayFinding = z.object({
  session_id: z.string(),
  seq: z.number().int(),
  time: Time,
  user: z.string(),
  connection: z.string(),
  /** The strictest of the rules that found something: this is what would have happened. */
  verdict: z.enum(VERDICTS),
  /** Which rule that was, from 0, in the order in which they were given. */
  rule: z.number().int(),
  /** What the user would have been told. */
  message: z.string(),
  /** What the rule found. */
  fragment: z.string().optional(),
  /** What was asked for; of a long text its beginning. */
  text: z.string(),
  /** What the rules of that time said. */
  was: z.enum(['allow', 'deny', 'hold']),
});
export type ReplayFinding = z.infer<typeof ReplayFinding>;

export const ReplayPage = z.object({
  /** Actions that the rules were asked about. */
  actions: z.number().int(),
  /** What would have become of them. */
  counts: Counts,
  /** What each rule found, by itself. */
  rules: z.array(z.object({ type: z.string(), action: z.enum(VERDICTS), counts: Counts })),
  /** The first ones, as many as were asked for. */
  findings: z.array(ReplayFinding),
  findings_left_out: z.number().int(),
  /** Would have been blocked or held, and were blocked or held then too. */
  stopped_already: z.number().int(),
  /** Actions of connections whose protocol cannot keep the rules. */
  unfit: z.number().int(),
  /** Actions of whose text only the beginning was recorded; the rules were asked about that. */
  cut: z.number().int(),
  /** Sessions of that time whose records are with another gateway, which knows about them. */
  sessions_elsewhere: z.number().int(),
  bytes_read: z.number().int(),
  bytes_left: z.number().int(),
  /** What to give as `after` for the next page; absent: this was the last. */
  next: z.string().optional(),
});
export type ReplayPage = z.infer<typeof ReplayPage>;

const Rules = z.strictObject({ rules: z.array(Rule).max(100).default([]) });

export const replayGuardrail = route({
  method: 'POST',
  path: '/guardrails/replay',
  summary:
    'Says which recorded actions a guardrail would have blocked, held, or noticed, a page of the audit log at a time; nothing is run',
  role: 'admin-or-auditor',
  body: z.strictObject({
    /** A guardrail, as it would be created. */
    name: z.string().min(1).max(254).default('proposed'),
    input: Rules.default({ rules: [] }),
    /** Answers are not recorded, so what is about them cannot be asked about. */
    output: z.strictObject({ rules: emptyOnly('Rules on output, which cannot be replayed because answers are not recorded,') }).optional(),
    /** A pack's, in front of those of `input`. */
    pack: z.string().min(1).max(100).optional(),
    description: z.string().max(2_000).optional(),
    connection_ids: readOnly,
    attributes: readOnly,
    id: readOnly,
    managed_by: readOnly,
    created_at: readOnly,
    updated_at: readOnly,
    /** From when on; at most a year back. */
    since: z.iso.datetime({ offset: true }),
    /** Absent: until now. */
    until: z.iso.datetime({ offset: true }).optional(),
    /** By name: only what was done on it. */
    connection: z.string().min(1).max(254).optional(),
    findings_max: z.number().int().min(0).max(REPLAY_FINDINGS_MAX).default(100),
    /** `next` of the page before. */
    after: z
      .string()
      .regex(/^\d{1,8}:\d{1,10}:\d{1,8}$/)
      .optional(),
  }),
  reply: ReplayPage,
  audit: 'guardrail.replay',
});
