import { warningsOf } from '@hoop/contract/review-text';
import type { Review } from '@hoop/contract/routes/reviews';
import type { Identity } from '@hoop/core/identity';
import type { ReviewRow } from '@hoop/store/reviews';
import { notFound, timeOf } from './failures.ts';
import type { Handlers } from './handler.ts';
import type { ApiParts } from './parts.ts';
import { defined } from './users.ts';

type Names = 'listReviews' | 'getReview' | 'decideReview';

export function reviewHandlers(parts: ApiParts): Pick<Handlers, Names> {
  const { store, reviews } = parts;
  return {
    listReviews: async ({ query, identity }) => {
      const { session: sessionId, ...filter } = query;
      const visibleTo = seesAll(identity) ? undefined : { userId: identity.userId, connectionIds: await reviewedBy(parts, identity) };
      const { rows, hasNextPage } = await store.reviews.list(defined({ ...filter, sessionId, visibleTo }));
      return { body: { data: rows.map((row) => toReview(row)), has_next_page: hasNextPage } };
    },
    getReview: async ({ params, query, identity }) => {
      const row = await mustSee(parts, params.id, identity);
      const whole = query.expand === 'text' && row.isCut ? await store.reviews.textOf(row.id) : undefined;
      return { body: toReview(row, whole) };
    },
    decideReview: async ({ params, body, identity }) => {
      const row = await mustSee(parts, params.id, identity);
      const { status, rejection_reason: reason, text_hash: textHash } = body;
      return { body: toReview(await reviews.decide(row, identity, { status, reason, textHash })) };
    },
  };
}

const seesAll = (identity: Identity): boolean => identity.isAdmin || identity.isAuditor;

/** The connections about whose reviews somebody may decide. */
async function reviewedBy({ store }: ApiParts, { groups }: Identity): Promise<string[]> {
  if (groups.length === 0) return [];
  const connections = await store.connections.list();
  return connections.filter(({ reviewers }) => reviewers.some((group) => groups.includes(group))).map(({ id }) => id);
}

/** @throws Refusal `not_found`, for those who may not know of it too */
async function mustSee({ store, reviews }: ApiParts, id: string, identity: Identity): Promise<ReviewRow> {
  const row = (await store.reviews.get(id)) ?? (await store.reviews.list({ sessionId: id, limit: 1 })).rows[0];
  if (row && (seesAll(identity) || row.requester.id === identity.userId || (await reviews.mayDecide(row, identity)))) return row;
  throw notFound('review');
}

function toReview(row: ReviewRow, whole?: string): Review {
  const text = whole ?? row.text;
  const decidedAt = row.decidedAt === null ? null : timeOf(row.decidedAt);
  return {
    id: row.id,
    session: row.sessionId,
    action_seq: row.seq,
    type: row.type,
    connection: row.connection,
    via: row.via,
    text,
    text_bytes: row.textBytes,
    text_hash: row.textHash,
    text_truncated: row.isCut && whole === undefined,
    text_warnings: warningsOf(text, row.via),
    rule: row.rule,
    message: row.message,
    requested_by: row.requester,
    status: row.status,
    decided_by: row.decider,
    decided_at: decidedAt,
    rejection_reason: row.reason,
    review_groups_data: row.groups.map((group) => ({
      id: `${row.id}/${group}`,
      group,
      status: row.status,
      reviewed_by: row.decider,
      review_date: decidedAt,
      forced_review: false,
    })),
    access_duration: 0,
    created_at: timeOf(row.createdAt),
    expires_at: timeOf(row.expiresAt),
  };
}
