import type { QueryOf } from '@hoop/contract/route';
import type { MaskingReport, measureSessions, reportMasking, SessionFigures } from '@hoop/contract/routes/reports';
import type { Identity } from '@hoop/core/identity';
import { UNCHECKED } from '@hoop/policy/masks';
import type { MaskedSession, ReportFilter } from '@hoop/store/session-report';
import type { Store } from '@hoop/store/store';
import { REPORT_SESSIONS_MAX } from '../limits.ts';
import type { Handlers } from './handler.ts';
import type { ApiParts } from './parts.ts';

type Range = QueryOf<typeof measureSessions>;
type Group = QueryOf<typeof reportMasking>['group_by'];

export function reportHandlers({ store }: ApiParts): Pick<Handlers, 'reportMasking' | 'measureSessions'> {
  return {
    reportMasking: async ({ query: { group_by, ...range }, identity }) => ({
      body: await reportOf(store, filterOf(range, identity), group_by),
    }),
    measureSessions: async ({ query, identity }) => ({ body: await figuresOf(store, filterOf(query, identity)) }),
  };
}

function filterOf({ user_email, connection_name, verb, start_date, end_date }: Range, identity: Identity): ReportFilter {
  const user = identity.isAdmin || identity.isAuditor ? user_email : identity.userId;
  return {
    ...(user === undefined ? {} : { user }),
    ...(connection_name === undefined ? {} : { connection: connection_name }),
    ...(verb === undefined ? {} : { verb }),
    ...(start_date === undefined ? {} : { startDate: Date.parse(start_date) }),
    ...(end_date === undefined ? {} : { endDate: Date.parse(end_date) }),
  };
}

const GROUPS: Readonly<Record<Group, (session: MaskedSession) => string>> = {
  connection_name: ({ connection }) => connection,
  connection_type: ({ type, subtype }) => (subtype === '' ? type : `${type}/${subtype}`),
  user_email: ({ userEmail }) => userEmail,
  id: ({ id }) => id,
};

/** Counts what was hidden, until there is no more or it is enough. True when there was more. */
async function eachMasked(store: Store, filter: ReportFilter, take: (session: MaskedSession) => void): Promise<boolean> {
  let read = 0;
  for await (const page of store.sessions.masked(filter)) {
    for (const session of page) {
      if (++read > REPORT_SESSIONS_MAX) return true;
      take(session);
    }
  }
  return false;
}

async function reportOf(store: Store, filter: ReportFilter, group: Group): Promise<MaskingReport> {
  const items = new Map<string, MaskingReport['items'][number]>();
  let total = 0;
  const truncated = await eachMasked(store, filter, (session) => {
    const resource = GROUPS[group](session);
    for (const [info_type, count] of hiddenIn(session)) {
      const key = `${info_type} ${resource}`;
      items.set(key, { resource, info_type, redact_total: (items.get(key)?.redact_total ?? 0) + count });
      total += count;
    }
  });
  const sorted = [...items.values()].sort((a, b) => b.redact_total - a.redact_total || a.resource.localeCompare(b.resource));
  return { items: sorted, total_redact_count: total, truncated };
}

async function figuresOf(store: Store, filter: ReportFilter): Promise<SessionFigures> {
  const { sessions, duration_ms } = await store.sessions.totals(filter);
  const types = new Set<string>();
  let masking = 0;
  let total = 0;
  const truncated = await eachMasked(store, filter, (session) => {
    const hidden = hiddenIn(session);
    if (hidden.length > 0) masking++;
    for (const [type, count] of hidden) {
      types.add(type);
      total += count;
    }
  });
  return {
    total_sessions: sessions,
    avg_session_duration_sec: duration_ms === null ? null : duration_ms / 1000,
    sessions_with_masking: masking,
    unique_info_types: types.size,
    total_masked: total,
    truncated,
  };
}

/** What was shown although a detector failed on it was not hidden. */
function hiddenIn({ masked }: MaskedSession): [string, number][] {
  return Object.entries(masked).filter(([type]) => type !== UNCHECKED);
}
