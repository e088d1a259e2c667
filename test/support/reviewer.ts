import { type Client, createClient } from '@hoop/contract/client';
import { routes } from '@hoop/contract/routes/all';
import { TOKEN_HEADER } from '@hoop/contract/routes/local-auth';
import type { Review } from '@hoop/contract/routes/reviews';
import type { Office } from './office.ts';
import { until } from './until.ts';

const PASSWORD = 'correct horse battery';

/** A second person, who decides about what others ask for. */
export class Reviewer {
  readonly api: Client;
  readonly email: string;
  readonly token: string;

  private constructor(email: string, apiUrl: string, token: string) {
    this.email = email;
    this.token = token;
    this.api = createClient({ baseUrl: apiUrl, token });
  }

  static async hire(office: Office, name: string, groups: readonly string[]): Promise<Reviewer> {
    const email = `${name}@example.test`;
    await office.api.call(routes.createUser, { body: { email, name, password: PASSWORD, groups: [...groups] } });
    const answer = await createClient({ baseUrl: office.apiUrl }).send(routes.login, { body: { email, password: PASSWORD } });
    return new Reviewer(email, office.apiUrl, answer.headers.get(TOKEN_HEADER) ?? '');
  }

  /** The only review that is pending on a connection, once it is there. */
  asked(connection: string): Promise<Review> {
    return until(`one pending review on ${connection}`, async () => {
      const { data } = await this.api.call(routes.listReviews, { query: { connection, status: 'PENDING' } });
      return data.length === 1 && data[0];
    });
  }

  approve({ id, text_hash }: Review): Promise<Review> {
    return this.api.call(routes.decideReview, { params: { id }, body: { status: 'APPROVED', text_hash } });
  }

  reject({ id }: Review, rejection_reason: string): Promise<Review> {
    return this.api.call(routes.decideReview, { params: { id }, body: { status: 'REJECTED', rejection_reason } });
  }

  /** Resolves when the review has this status. */
  is({ id }: Review, status: Review['status']): Promise<Review> {
    return until(`the review is ${status}`, async () => {
      const review = await this.api.call(routes.getReview, { params: { id } });
      return review.status === status && review;
    });
  }
}

/** A rule that holds statements with one of these words. */
export async function holdWords(office: Office, connectionId: string, words: readonly string[]): Promise<void> {
  const rules = [{ type: 'deny_words_list' as const, words: [...words], message: 'four eyes', action: 'require_approval' as const }];
  await office.api.call(routes.createGuardrail, {
    body: { name: `hold ${connectionId}`, input: { rules }, connection_ids: [connectionId] },
  });
}
