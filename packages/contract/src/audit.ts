import { z } from 'zod';

/** What the agent tells about actions, as JSON on the session's own stream. Times are microseconds. */
export const ActionEvent = z.object({
  type: z.literal('action'),
  seq: z.number().int(),
  via: z.string(),
  text: z.string(),
  /** Length of the whole text in bytes, present when `text` was cut. */
  text_bytes: z.number().int().optional(),
  /** `hold`: people are asked; a `DecisionEvent` with its number says what came of it. */
  verdict: z.enum(['allow', 'deny', 'hold']),
  rule: z.string().optional(),
  message: z.string().optional(),
  /** Told again by the agent after a link broke, because the first telling may have been lost. */
  replayed: z.boolean().optional(),
  /** Present when the answer came before the event left. */
  outcome: z.lazy(() => OutcomeFields).optional(),
});
export type ActionEvent = z.infer<typeof ActionEvent>;

export const OutcomeFields = z.object({
  rows: z.number().int(),
  bytes: z.number().int(),
  duration_us: z.number().int(),
  error: z.string().optional(),
  /** What a protocol with numbers for it answered, such as 404. */
  status: z.number().int().optional(),
  /** Bytes of a request's body. */
  bytes_in: z.number().int().optional(),
  /** What a command ended with. */
  exit_code: z.number().int().optional(),
  masked: z.record(z.string(), z.number()).optional(),
});
export type OutcomeFields = z.infer<typeof OutcomeFields>;

export const OutcomeEvent = z.object({
  type: z.literal('outcome'),
  seq: z.number().int(),
  outcome: OutcomeFields,
  replayed: z.boolean().optional(),
});
export type OutcomeEvent = z.infer<typeof OutcomeEvent>;

/** What people said about an action that a rule held, or about the session as a whole (`seq` 0). */
export const DecisionEvent = z.object({
  type: z.literal('decision'),
  seq: z.number().int(),
  approved: z.boolean(),
  /** Who decided; absent when nobody did. */
  by: z.string().optional(),
  reason: z.string().optional(),
  replayed: z.boolean().optional(),
});
export type DecisionEvent = z.infer<typeof DecisionEvent>;

/** The gateway's own records of a session. */
export const SessionOpenEvent = z.object({
  type: z.literal('session.open'),
  user: z.string(),
  user_id: z.string(),
  connection: z.string(),
  protocol: z.string(),
  verb: z.enum(['connect', 'exec']),
  origin: z.string(),
  peer: z.string(),
  /** Present where values that a detector fails on are shown all the same. */
  dlp_mode: z.literal('best-effort').optional(),
});
export type SessionOpenEvent = z.infer<typeof SessionOpenEvent>;

export const SessionCloseEvent = z.object({
  type: z.literal('session.close'),
  /** Stable code of why it ended; `client_left` is the usual one. */
  reason: z.string(),
  message: z.string().optional(),
  bytes_in: z.number().int(),
  bytes_out: z.number().int(),
  duration_us: z.number().int(),
});
export type SessionCloseEvent = z.infer<typeof SessionCloseEvent>;

/**
 * What the client sent, as the gateway saw it pass: evidence that does not depend on the agent.
 * Of a burst without an answer only the beginning is kept; `bytes` tells how long the piece was.
 */
export const InputEvent = z.object({
  type: z.literal('input'),
  bytes: z.number().int(),
  /** Base64. */
  data: z.string(),
});
export type InputEvent = z.infer<typeof InputEvent>;

/** What the client was shown, as the gateway passed it on: of sessions whose protocol has a transcript. */
export const OutputEvent = z.object({
  type: z.literal('output'),
  bytes: z.number().int(),
  /** Base64. */
  data: z.string(),
  /** Which of the command's streams, or words of the gateway; `stdin`: what the client sent, where everything is recorded. */
  stream: z.enum(['stdout', 'stderr', 'notice', 'stdin']).optional(),
  /** The action whose terminal showed it, where a session may have several. */
  seq: z.number().int().optional(),
  /** The terminal has this size from here on. */
  size: z.object({ columns: z.number().int(), rows: z.number().int() }).optional(),
});
export type OutputEvent = z.infer<typeof OutputEvent>;

/** The transcript reached its limit: what the client was shown from here on is not recorded. */
export const TranscriptCutEvent = z.object({
  type: z.literal('transcript.cut'),
  /** How much was recorded. */
  bytes: z.number().int(),
});
export type TranscriptCutEvent = z.infer<typeof TranscriptCutEvent>;

/** A record whose content is not what this version writes; it is shown as it is. */
export const UnreadableEvent = z.object({ type: z.literal('unreadable'), data: z.string() });
export type UnreadableEvent = z.infer<typeof UnreadableEvent>;

export const AuditEvent = z.discriminatedUnion('type', [
  ActionEvent,
  OutcomeEvent,
  DecisionEvent,
  SessionOpenEvent,
  SessionCloseEvent,
  InputEvent,
  OutputEvent,
  TranscriptCutEvent,
  UnreadableEvent,
]);
export type AuditEvent = z.infer<typeof AuditEvent>;
