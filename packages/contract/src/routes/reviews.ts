import { z } from 'zod';
import { route } from '../route.ts';
import { Id, Time } from './common.ts';

export const REVIEW_LIST_MAX = 100;
export const REVIEW_OFFSET_MAX = 10_000;

export const ReviewStatus = z.enum(['PENDING', 'APPROVED', 'REJECTED', 'EXPIRED', 'CANCELLED']);

const Person = z.object({ id: z.string(), email: z.string(), name: z.string() });

/** One request for approval: of an action that a rule holds, of a script, or of a session. */
export const Review = z.object({
  id: z.string(),
  /** The session that waits. */
  session: z.string(),
  /** Which of its actions; 0: its beginning. */
  action_seq: z.number().int(),
  /** `onetime`: one action or script. `jit`: a session, whatever is done in it. */
  type: z.enum(['onetime', 'jit']),
  connection: z.string(),
  /** The protocol's name of what carried it, such as `query`; `script` and `connect` where a session is opened. */
  via: z.string(),
  /** What would run. At most 16 KiB of it, unless `expand=text` asks for the whole. */
  text: z.string(),
  /** Of the whole. */
  text_bytes: z.number().int(),
  /** SHA-256 of the whole text, in hex. */
  text_hash: z.string(),
  /** `text` is not the whole: who approves must read it with `expand=text`. */
  text_truncated: z.boolean(),
  /** What a reader should know: `invisible_characters`, `lookalike_characters`, `parameters_not_shown`. */
  text_warnings: z.array(z.string()),
  /** The rule that holds it; `reviewers` where the connection itself asks for approval. */
  rule: z.string(),
  message: z.string(),
  requested_by: Person,
  status: ReviewStatus,
  decided_by: Person.nullable(),
  decided_at: Time.nullable(),
  rejection_reason: z.string(),
  /** The groups whose members may decide, besides administrators. */
  review_groups_data: z.array(
    z.object({
      id: z.string(),
      group: z.string(),
      status: ReviewStatus,
      reviewed_by: Person.nullable(),
      review_date: Time.nullable(),
      forced_review: z.boolean(),
    }),
  ),
  /** Nanoseconds; 0: as long as the session. */
  access_duration: z.number(),
  created_at: Time,
  /** Nobody's decision by then is a no. */
  expires_at: Time,
});
export type Review = z.infer<typeof Review>;

export const listReviews = route({
  method: 'GET',
  path: '/reviews',
  summary: 'Lists reviews, newest first: the caller’s own and those that they may decide about; everybody’s for admins and auditors',
  role: 'all',
  query: z.strictObject({
    status: ReviewStatus.optional(),
    session: Id.optional(),
    connection: z.string().max(128).optional(),
    limit: z.coerce.number<number | string>().int().min(1).max(REVIEW_LIST_MAX).default(20),
    offset: z.coerce.number<number | string>().int().min(0).max(REVIEW_OFFSET_MAX).default(0),
  }),
  reply: z.object({ data: z.array(Review), has_next_page: z.boolean() }),
});

export const getReview = route({
  method: 'GET',
  path: '/reviews/:id',
  summary: 'Gets a review by its id, or the newest one of a session by the session’s id',
  role: 'all',
  params: z.object({ id: Id }),
  query: z.strictObject({ expand: z.literal('text').optional() }),
  reply: Review,
});

export const decideReview = route({
  method: 'PUT',
  path: '/reviews/:id',
  summary:
    'Approves or rejects, once; members of the reviewing groups and admins, never who asked. Who asked may take it back with REJECTED',
  role: 'user',
  params: z.object({ id: Id }),
  body: z.strictObject({
    status: z.enum(['APPROVED', 'REJECTED']),
    rejection_reason: z.string().max(2_000).optional(),
    /** Of the text that was read. Needed to approve one whose `text_truncated` is true. */
    text_hash: z
      .string()
      .regex(/^[0-9a-fA-F]{64}$/, 'Write the SHA-256 in hex')
      .optional(),
  }),
  reply: Review,
  audit: 'review.decide',
});
