import type { Client } from '@hoop/contract/client';
import { visibleText } from '@hoop/contract/review-text';
import { decideReview, getReview, listReviews, REVIEW_LIST_MAX, REVIEW_OFFSET_MAX, type Review } from '@hoop/contract/routes/reviews';
import type { Context } from '../context.ts';
import { usage } from '../failure.ts';
import { openGateway } from '../gateway.ts';
import { type Cell, renderFacts, renderTable } from '../output/table.ts';
import { note, print, printJson, type Terminal } from '../output/terminal.ts';
import { ageOf } from '../output/time.ts';

export interface ListOptions {
  readonly status: 'pending' | 'approved' | 'rejected' | 'expired' | 'cancelled' | 'all';
  readonly role?: string;
  readonly limit?: string;
  readonly offset?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const HEADERS = ['ID', 'USER', 'CONNECTION', 'TYPE', 'STATUS', 'AGE', 'TEXT'];

/** Of a text in a list. */
const EXCERPT_CHARACTERS_MAX = 60;

/** `hoop reviews list`: newest first. */
export async function list(context: Context, options: ListOptions): Promise<void> {
  const { terminal } = context;
  const offset = options.offset === undefined ? 0 : countOf('--offset', options.offset, 0, REVIEW_OFFSET_MAX);
  const query = {
    offset,
    ...(options.status === 'all' ? {} : { status: options.status.toUpperCase() as Review['status'] }),
    ...(options.role === undefined ? {} : { connection: options.role }),
    ...(options.limit === undefined ? {} : { limit: countOf('--limit', options.limit, 1, REVIEW_LIST_MAX) }),
  };
  const page = await openGateway(context).client.call(listReviews, { query });
  if (options.json === true) printJson(terminal, page);
  else if (options.quiet === true) for (const { id } of page.data) print(terminal, id);
  else {
    terminal.stdout.write(
      renderTable(
        HEADERS,
        page.data.map((review) => rowOf(review, context.now())),
      ),
    );
    if (page.has_next_page)
      note(terminal, `There are more. Add --offset ${offset + page.data.length}, or --limit up to ${REVIEW_LIST_MAX}`);
  }
}

interface ShowOptions {
  readonly json?: boolean;
}

export interface DecideOptions extends ShowOptions {
  readonly reason?: string;
}

/** `hoop reviews get ID`: everything about it, and its whole text on stdout. */
export async function get(context: Context, id: string, { json }: ShowOptions): Promise<void> {
  const review = await read(openGateway(context).client, id);
  const { terminal } = context;
  if (json === true) {
    printJson(terminal, review);
    return;
  }
  terminal.stdout.write(`${renderFacts(factsOf(review))}\n`);
  print(terminal, visibleText(review.text));
  warn(terminal, review);
}

/** `hoop reviews approve ID`: shows the whole text, and approves that text and no other. */
export async function approve(context: Context, id: string, { json }: ShowOptions): Promise<void> {
  const { client } = openGateway(context);
  const { terminal } = context;
  const review = await read(client, id);
  if (json !== true) {
    note(terminal, visibleText(review.text));
    warn(terminal, review);
  }
  // The hash is of what was just shown: should it not be what waits, the gateway refuses.
  const body = { status: 'APPROVED', text_hash: review.text_hash } as const;
  tell(terminal, await client.call(decideReview, { params: { id: review.id }, body }), json);
}

/** `hoop reviews reject ID`: also takes back what one asked for oneself. */
export async function reject(context: Context, id: string, { json, reason }: DecideOptions): Promise<void> {
  const { client } = openGateway(context);
  const review = await read(client, id);
  const body = { status: 'REJECTED', ...(reason === undefined ? {} : { rejection_reason: reason }) } as const;
  tell(context.terminal, await client.call(decideReview, { params: { id: review.id }, body }), json);
}

function read(client: Client, id: string): Promise<Review> {
  return client.call(getReview, { params: { id }, query: { expand: 'text' } });
}

function tell(terminal: Terminal, review: Review, json: boolean | undefined): void {
  if (json === true) printJson(terminal, review);
  else print(terminal, `review "${review.id}" ${review.status.toLowerCase()}`);
}

const WARNINGS: Readonly<Record<string, string>> = {
  invisible_characters: 'It has characters that cannot be seen; they are written as \\u{…} here',
  lookalike_characters: 'It has words that mix alphabets: one of their letters is not what it looks like',
  parameters_not_shown: 'Values that were sent beside the text are not part of it',
};

function warn(terminal: Terminal, { text_warnings }: Review): void {
  for (const warning of text_warnings) note(terminal, terminal.errStyle.yellow(WARNINGS[warning] ?? warning));
}

function rowOf(review: Review, now_ms: number): readonly Cell[] {
  return [
    review.id,
    review.requested_by.email,
    review.connection,
    review.type,
    review.status,
    ageOf(review.created_at, now_ms),
    excerptOf(review),
  ];
}

function excerptOf({ text, text_warnings }: Review): string {
  const line = visibleText(text).replace(/\s+/g, ' ');
  const cut = line.length > EXCERPT_CHARACTERS_MAX ? `${line.slice(0, EXCERPT_CHARACTERS_MAX)}…` : line;
  return text_warnings.length > 0 ? `(!) ${cut}` : cut;
}

function factsOf(review: Review): readonly (readonly [string, Cell])[] {
  return [
    ['Id', review.id],
    ['Session', review.action_seq === 0 ? review.session : `${review.session}, action ${review.action_seq}`],
    ['Connection', review.connection],
    ['Type', review.type],
    ['Requested by', review.requested_by.email],
    ['Requested', review.created_at],
    ['Why', `${review.message} (${review.rule})`],
    ['Reviewers', review.review_groups_data.map(({ group }) => group).join(', ')],
    ['Status', review.status],
    ['Decided by', review.decided_by?.email],
    ['Decided', review.decided_at],
    ['Reason', review.rejection_reason],
    ['Expires', review.expires_at],
    ['Text', `${review.text_bytes} bytes, SHA-256 ${review.text_hash}`],
  ];
}

function countOf(flag: string, text: string, least: number, most: number): number {
  const count = /^\d+$/.test(text) ? Number(text) : -1;
  if (count < least || count > most) throw usage(`${flag} is a number from ${least} to ${most}`);
  return count;
}
