import type { BodyOf } from '@hoop/contract/route';
import { type createGuardrail, type Explanation, type Guardrail, NEEDED, testGuardrails } from '@hoop/contract/routes/guardrails';
import { GuardrailRule, type PolicyMessage } from '@hoop/contract/tunnel';
import { asAppError } from '@hoop/core/errors';
import { explain } from '@hoop/policy/explain';
import type { MaskText } from '@hoop/policy/masks';
import { PACKS, packNamed } from '@hoop/policy/packs/all';
import type { Pack } from '@hoop/policy/packs/pack';
import { compileRule, type RuleText } from '@hoop/policy/rules';
import { compileOutputRule, mustBlock } from '@hoop/policy/rules/answers';
import { compileCondition } from '@hoop/policy/rules/conditions';
import type { GuardrailRow } from '@hoop/store/guardrails';
import type { Aggregates } from '@hoop/store/store';
import { policyMessage } from '../policy-message.ts';
import type { ProtocolTraits } from '../ports.ts';
import { guardrailMisfit, maskingMisfit, protocolFor } from './connection-check.ts';
import { invalid, notFound, timeOf } from './failures.ts';
import { type Handlers, NO_BODY } from './handler.ts';
import { mustBePattern } from './masking.ts';
import type { ApiParts } from './parts.ts';

type Names =
  | 'listRulePacks'
  | 'testGuardrails'
  | 'listGuardrails'
  | 'createGuardrail'
  | 'getGuardrail'
  | 'replaceGuardrail'
  | 'deleteGuardrail';

type Body = BodyOf<typeof createGuardrail>;

export function guardrailHandlers(parts: ApiParts): Pick<Handlers, Names> {
  const { store, live, protocols } = parts;
  const mustFit = async (tx: Aggregates, rule: GuardrailRow): Promise<void> => {
    for (const connection of await tx.connections.list({ ids: rule.connectionIds })) {
      const why = guardrailMisfit(protocolFor(protocols, connection), rule);
      if (why !== undefined) throw invalid('connection_ids', `${connection.name} cannot have this guardrail: ${why}`);
    }
  };
  return {
    listRulePacks: async () => ({ body: PACKS.map((pack) => ({ ...pack, rules: pack.rules.map(toRule) })) }),
    testGuardrails: async ({ body }) => ({ body: await test(parts, body) }),
    listGuardrails: async () => ({ body: (await store.guardrails.list()).map(toGuardrail) }),
    createGuardrail: async ({ body }) => {
      const rule = ruleOf(body);
      const row = await store.transaction(async (tx) => {
        const created = await tx.guardrails.create(rule);
        await mustFit(tx, created);
        return created;
      });
      await live.policyChanged(row.connectionIds);
      return { body: toGuardrail(row) };
    },
    getGuardrail: async ({ params }) => {
      const row = await store.guardrails.get(params.id);
      if (!row) throw notFound('guardrail');
      return { body: toGuardrail(row) };
    },
    replaceGuardrail: async ({ params, body }) => {
      const rule = ruleOf(body);
      const row = await store.transaction(async (tx) => {
        const changed = await tx.guardrails.update(params.id, rule);
        if (!changed) throw notFound('guardrail');
        await mustFit(tx, changed);
        return changed;
      });
      // Of all: connections that it was taken from are concerned too.
      await live.policyChanged(undefined);
      return { body: toGuardrail(row) };
    },
    deleteGuardrail: async ({ params }) => {
      if (!(await store.guardrails.delete(params.id))) throw notFound('guardrail');
      await live.policyChanged(undefined);
      return NO_BODY;
    },
  };
}

function ruleOf(body: Body) {
  const pack = body.pack === undefined ? undefined : mustBePack(body.pack);
  checkRules('input', body.input.rules);
  checkRules('output', body.output.rules);
  return {
    name: body.name,
    description: body.description,
    input: [...(pack?.rules ?? []).map(toRule), ...body.input.rules],
    output: body.output.rules,
    connectionIds: body.connection_ids,
    managedBy: pack ? `${pack.id}@${pack.version}` : null,
  };
}

/** @throws Refusal `invalid` */
export function mustBePack(id: string): Pack {
  const pack = packNamed(id);
  if (pack) return pack;
  throw invalid('pack', `There is no pack ${id}; use one of ${PACKS.map((each) => each.id).join(', ')}`);
}

/** A rule as the API gives it: without what it does not use. */
export function toRule(rule: RuleText): GuardrailRule {
  return GuardrailRule.parse(rule);
}

/** How a text of this protocol would meet the gate. */
function viaOf(protocol: ProtocolTraits): string {
  if (protocol.dialect !== undefined) return 'query';
  return protocol.carries === 'requests' ? 'request' : 'exec';
}

/** What rules would do. @throws Refusal where there is no such connection, or its statements are not understood */
async function test({ store, protocols }: ApiParts, body: BodyOf<typeof testGuardrails>): Promise<Explanation> {
  const connection = await store.connections.get(body.connection);
  if (!connection) throw notFound('connection');
  const protocol = protocolFor(protocols, connection);
  const policy = policyMessage(await store.policyOf(connection.id));
  const given = body.pack === undefined ? body.rules : mustBePack(body.pack).rules.map(toRule);
  if (given) checkRules('input', given);
  const guardrails = given ? [{ name: body.pack ?? 'test', input: given, output: [] }] : policy.guardrails;
  for (const guardrail of guardrails) {
    const why = guardrailMisfit(protocol, guardrail);
    if (why !== undefined) throw invalid('connection', `${connection.name} cannot have the guardrail ${guardrail.name}: ${why}`);
  }
  const now = body.at === undefined ? {} : { now: () => Date.parse(body.at ?? '') };
  const asked = { text: body.text, via: viaOf(protocol), dialect: protocol.dialect, groups: body.groups, ...now };
  const masks = columnMasks(protocol, body.columns, policy.masks);
  return testGuardrails.reply.parse(await explain({ revision: policy.revision, guardrails, masks }, asked));
}

/** What masking rules say about columns, or what is tried instead. @throws Refusal with the field */
function columnMasks(protocol: ProtocolTraits, tried: readonly string[] | undefined, masks: PolicyMessage['masks']): readonly MaskText[] {
  for (const [index, column] of (tried ?? []).entries()) mustBePattern(column, `columns.${index}`);
  const named = tried ? [{ name: 'test', columns: [...tried] }] : masks;
  const why = maskingMisfit(protocol, { columns: tried ?? [] });
  if (tried && why !== undefined) throw invalid('columns', why);
  return named.map((mask) => ({ ...mask, entities: [], custom: [] }));
}

/** Compiles what the agent will compile, so that a wrong pattern is told to its author and not to a user. */
export function checkRules(side: 'input' | 'output', rules: readonly GuardrailRule[]): void {
  for (const [index, rule] of rules.entries()) {
    try {
      compileRule(rule);
      compileCondition(rule, undefined);
    } catch (thrown) {
      throw invalid(`${side}.rules.${index}.${NEEDED[rule.type]}`, asAppError(thrown).message);
    }
    mustBeKeepable(side, index, rule);
  }
}

/** What nobody could keep of an answer. @throws Refusal with the field */
function mustBeKeepable(side: 'input' | 'output', index: number, rule: GuardrailRule): void {
  let field = 'type';
  try {
    if (side === 'output') compileOutputRule({ ...rule, action: undefined });
    field = 'action';
    if (side === 'output') mustBlock(rule, 'on output');
    else if (rule.type === 'row_limit') mustBlock(rule, 'of type row_limit');
  } catch (thrown) {
    throw invalid(`${side}.rules.${index}.${field}`, asAppError(thrown).message);
  }
}

function toGuardrail(row: GuardrailRow): Guardrail {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    input: { rules: [...row.input] },
    output: { rules: [...row.output] },
    connection_ids: [...row.connectionIds],
    attributes: [...row.attributes],
    managed_by: row.managedBy,
    created_at: timeOf(row.createdAt),
    updated_at: timeOf(row.updatedAt),
  };
}
