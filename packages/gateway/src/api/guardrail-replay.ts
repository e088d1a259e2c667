import type { BodyOf } from '@hoop/contract/route';
import { REPLAY_DAYS_MAX, type replayGuardrail } from '@hoop/contract/routes/guardrail-replay';
import { Refusal } from '@hoop/core/errors';
import { REPLAYS_MAX } from '../limits.ts';
import { type ReplayRequest, replayPage } from '../policy-replay.ts';
import { guardrailMisfit, protocolFor } from './connection-check.ts';
import { invalid, notFound } from './failures.ts';
import { checkRules, mustBePack, toRule } from './guardrails.ts';
import type { Handlers } from './handler.ts';
import type { ApiParts } from './parts.ts';

const DAY_MS = 24 * 3_600_000;

export function guardrailReplayHandlers(parts: ApiParts): Pick<Handlers, 'replayGuardrail'> {
  let running = 0;
  return {
    replayGuardrail: async ({ body, signal }) => {
      const request = await requestOf(parts, body);
      if (running >= REPLAYS_MAX) throw new Refusal('too_busy', `${REPLAYS_MAX} replays are running already; try again when one is done`);
      running++;
      try {
        return { body: await replayPage(parts, request, signal) };
      } finally {
        running--;
      }
    },
  };
}

/** @throws Refusal `invalid` for rules or a time that cannot be asked about */
async function requestOf({ store, protocols, clock }: ApiParts, body: BodyOf<typeof replayGuardrail>): Promise<ReplayRequest> {
  const rules = [...(body.pack === undefined ? [] : mustBePack(body.pack).rules.map(toRule)), ...body.input.rules];
  if (rules.length === 0) throw invalid('input.rules', 'Give at least one rule on input');
  checkRules('input', rules);
  const since_ms = Date.parse(body.since);
  const until_ms = Math.min(body.until === undefined ? clock.now() : Date.parse(body.until), clock.now());
  if (since_ms >= until_ms) throw invalid('since', 'The time begins before it ends, and before now');
  if (since_ms < clock.now() - REPLAY_DAYS_MAX * DAY_MS) throw invalid('since', `Look back at most ${REPLAY_DAYS_MAX} days`);
  if (body.connection !== undefined) {
    const connection = await store.connections.get(body.connection);
    if (!connection) throw notFound('connection');
    const why = guardrailMisfit(protocolFor(protocols, connection), { input: rules, output: [] });
    if (why !== undefined) throw invalid('connection', `${connection.name} cannot have this guardrail: ${why}`);
    body.connection = connection.name;
  }
  const [segment = 0, offset = 0, past = 0] = (body.after ?? '').split(':').map(Number);
  return {
    name: body.name,
    rules,
    since_ms,
    until_ms,
    connection: body.connection,
    findingsMax: body.findings_max,
    after: segment > 0 ? { segment, offset, past } : undefined,
  };
}
