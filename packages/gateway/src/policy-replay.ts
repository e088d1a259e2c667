import { setImmediate as turn } from 'node:timers/promises';
import type { ActionEvent } from '@hoop/contract/audit';
import type { ReplayFinding, ReplayPage } from '@hoop/contract/routes/guardrail-replay';
import type { GuardrailRule } from '@hoop/contract/tunnel';
import { protocolOf } from '@hoop/core/connection';
import { type ProposedFinding, ProposedRules, type ProposedVerdict, type Recorded, strictestOf } from '@hoop/policy/proposed';
import type { AuditEntry } from '@hoop/store/audit/audit-log';
import type { Place } from '@hoop/store/audit/walk';
import type { SessionRow } from '@hoop/store/sessions';
import { guardrailMisfit } from './api/connection-check.ts';
import { timeOf } from './api/failures.ts';
import type { ApiParts } from './api/parts.ts';
import {
  REPLAY_BYTES_AT_ONCE,
  REPLAY_PAGE_MS,
  REPLAY_RECORDS_AT_ONCE,
  REPLAY_SLICE_MS,
  REPLAY_STEPS_BACK_MAX,
  REPLAY_TEXT_LENGTH_MAX,
} from './limits.ts';
import type { ActionHistory } from './ports.ts';

/** What is asked of the past. */
export interface ReplayRequest {
  readonly name: string;
  readonly rules: readonly GuardrailRule[];
  readonly since_ms: number;
  readonly until_ms: number;
  /** By name. */
  readonly connection: string | undefined;
  readonly findingsMax: number;
  /** Where the page before ended. */
  readonly after: Place | undefined;
}

type Parts = Pick<ApiParts, 'store' | 'protocols' | 'history' | 'gatewayId'>;

/**
 * One page of what a guardrail would have made of what was done. It reads the audit log forward, keeps some thousand records in
 * memory at most, and stops after `REPLAY_PAGE_MS`: the caller comes again with `next`. Stops early when `signal` aborts.
 */
export async function replayPage(parts: Parts, request: ReplayRequest, signal: AbortSignal): Promise<ReplayPage> {
  const { history, store, gatewayId } = parts;
  const { since_ms, until_ms, after } = request;
  const deadline = performance.now() + REPLAY_PAGE_MS;
  const page = new Page(parts, request);
  let next: Place | undefined;
  let waiting: AuditEntry[] = [];
  let bytes = 0;
  for (const batch of history.eventsSince(since_ms, after)) {
    for (const entry of batch.events) if (entry.at_ms >= since_ms && entry.at_ms < until_ms && page.wants(entry)) waiting.push(entry);
    page.bytesRead += batch.bytes;
    bytes += batch.bytes;
    if (waiting.length >= REPLAY_RECORDS_AT_ONCE || bytes >= REPLAY_BYTES_AT_ONCE) {
      await page.judge(waiting);
      waiting = [];
      bytes = 0;
    }
    if (batch.last_ms >= until_ms) break;
    if (signal.aborted || performance.now() > deadline) {
      next = batch.next;
      break;
    }
  }
  await page.judge(waiting);
  const elsewhere = after ? 0 : await store.sessions.countElsewhere(gatewayId, since_ms, until_ms);
  const left = next
    ? { bytes_left: history.bytesSince(since_ms, next), next: `${next.segment}:${next.offset}:${next.past}` }
    : { bytes_left: 0 };
  return { ...page.told(), sessions_elsewhere: elsewhere, ...left };
}

type Counts = Record<ProposedVerdict, number>;

const noCounts = (): Counts => ({ block: 0, require_approval: 0, warn: 0, log: 0 });

/** What a page has found so far. */
class Page {
  readonly #parts: Parts;
  readonly #request: ReplayRequest;
  readonly #asksForRows: boolean;
  readonly #asksForGroups: boolean;
  readonly #counts = noCounts();
  readonly #rules: readonly Counts[];
  readonly #findings: ReplayFinding[] = [];
  /** By language of the statements and groups of the user. Users' groups come from a small number of sets. */
  readonly #proposed = new Map<string, ProposedRules>();
  readonly #groups = new Map<string, readonly string[] | undefined>();
  readonly #fits = new Map<string, boolean>();
  #sliceEnd = performance.now() + REPLAY_SLICE_MS;
  #found = 0;
  #actions = 0;
  #stoppedAlready = 0;
  #unfit = 0;
  #cut = 0;
  bytesRead = 0;

  constructor(parts: Parts, request: ReplayRequest) {
    this.#parts = parts;
    this.#request = request;
    this.#rules = request.rules.map(noCounts);
    this.#asksForRows = request.rules.some(({ type }) => type === 'row_limit');
    this.#asksForGroups = request.rules.some(({ groups }) => groups !== undefined);
  }

  /** Whether a record can say anything; most of a log are outcomes, which only matter to rules about rows. */
  wants({ event }: AuditEntry): boolean {
    if (event.type === 'action') return event.replayed !== true;
    return this.#asksForRows && event.type === 'outcome' && event.replayed !== true && event.outcome.rows > 0;
  }

  async judge(entries: readonly AuditEntry[]): Promise<void> {
    for (let at = 0; at < entries.length; at += REPLAY_RECORDS_AT_ONCE) {
      const some = entries.slice(at, at + REPLAY_RECORDS_AT_ONCE);
      const ids = [...new Set(some.map(({ session }) => session))];
      const sessions = new Map((await this.#parts.store.sessions.some(ids)).map((row) => [row.id, row]));
      for (const entry of some) {
        const session = sessions.get(entry.session);
        if (session) await this.#judgeOne(entry, session);
        if (performance.now() > this.#sliceEnd) {
          await turn();
          this.#sliceEnd = performance.now() + REPLAY_SLICE_MS;
        }
      }
    }
  }

  told(): Omit<ReplayPage, 'sessions_elsewhere' | 'bytes_left' | 'next'> {
    return {
      actions: this.#actions,
      counts: this.#counts,
      rules: this.#request.rules.map(({ type, action = 'block' }, rule) => ({ type, action, counts: this.#rules[rule] ?? noCounts() })),
      findings: this.#findings,
      findings_left_out: this.#found - this.#findings.length,
      stopped_already: this.#stoppedAlready,
      unfit: this.#unfit,
      cut: this.#cut,
      bytes_read: this.bytesRead,
    };
  }

  async #judgeOne(entry: AuditEntry, session: SessionRow): Promise<void> {
    const { connection } = this.#request;
    if (connection !== undefined && session.connection !== connection) return;
    const asked = askedOf(this.#parts.history, entry);
    if (!asked) return;
    const isAction = entry.event.type === 'action';
    if (!this.#fitsOn(session)) {
      if (isAction) this.#unfit++;
      return;
    }
    if (isAction) this.#actions++;
    if (isAction && asked.event.text_bytes !== undefined) this.#cut++;
    const rules = await this.#rulesFor(session);
    for (const recorded of asked.records) this.#note(await rules.findings(recorded), asked.event, entry, session);
  }

  #note(findings: readonly ProposedFinding[], event: ActionEvent, { at_ms }: AuditEntry, session: SessionRow): void {
    const strictest = strictestOf(findings);
    if (!strictest) return;
    for (const { rule, verdict } of findings) {
      const counts = this.#rules[rule];
      if (counts) counts[verdict]++;
    }
    this.#counts[strictest.verdict]++;
    this.#found++;
    const stops = strictest.verdict === 'block' || strictest.verdict === 'require_approval';
    if (stops && event.verdict !== 'allow') this.#stoppedAlready++;
    if (this.#findings.length >= this.#request.findingsMax) return;
    this.#findings.push({
      ...{ session_id: session.id, seq: event.seq, time: timeOf(at_ms), user: session.userEmail, connection: session.connection },
      ...strictest,
      text: event.text.slice(0, REPLAY_TEXT_LENGTH_MAX),
      was: event.verdict,
    });
  }

  #fitsOn({ type, subtype }: SessionRow): boolean {
    const key = `${type}/${subtype}`;
    const known = this.#fits.get(key);
    if (known !== undefined) return known;
    const name = protocolOf(type, subtype);
    const protocol = name === undefined ? undefined : this.#parts.protocols.get(name);
    const fits = protocol !== undefined && guardrailMisfit(protocol, { input: this.#request.rules, output: [] }) === undefined;
    this.#fits.set(key, fits);
    return fits;
  }

  async #rulesFor({ type, subtype, userId }: SessionRow): Promise<ProposedRules> {
    const groups = this.#asksForGroups ? await this.#groupsOf(userId) : undefined;
    const name = protocolOf(type, subtype);
    const dialect = name === undefined ? undefined : this.#parts.protocols.get(name)?.dialect;
    const key = JSON.stringify([dialect, groups]);
    let proposed = this.#proposed.get(key);
    if (!proposed) {
      proposed = new ProposedRules(this.#request.name, this.#request.rules, dialect, groups);
      this.#proposed.set(key, proposed);
    }
    return proposed;
  }

  /** As they are now: nobody wrote down what they were. Of a user who is gone they are not known. */
  async #groupsOf(userId: string): Promise<readonly string[] | undefined> {
    if (!this.#groups.has(userId)) this.#groups.set(userId, (await this.#parts.store.users.get(userId))?.groups);
    return this.#groups.get(userId);
  }
}

interface Asked {
  readonly event: ActionEvent;
  readonly records: readonly Recorded[];
}

/** What rules can be asked about a record: an action by its text, and by its rows once those are known. */
function askedOf(history: ActionHistory, { event, at_ms, previous }: AuditEntry): Asked | undefined {
  if (event.type === 'action') {
    const action = { seq: event.seq, text: event.text, via: event.via };
    const rows = event.outcome?.rows ?? 0;
    return {
      event,
      records:
        rows > 0
          ? [
              { action, at_ms },
              { action, at_ms, rows },
            ]
          : [{ action, at_ms }],
    };
  }
  if (event.type !== 'outcome') return undefined;
  const { seq, outcome } = event;
  let at = previous;
  for (let step = 0; step < REPLAY_STEPS_BACK_MAX && at.segment !== 0; step++) {
    const record = history.recordAt(at);
    if (record.event.type === 'action' && record.event.seq === seq) {
      const action = { seq, text: record.event.text, via: record.event.via };
      return { event: record.event, records: [{ action, at_ms: record.at_ms, rows: outcome.rows }] };
    }
    at = record.previous;
  }
  return undefined;
}
