import type { BodyOf } from '@hoop/contract/route';
import type { createMaskingRule, MaskingRule } from '@hoop/contract/routes/masking';
import { maskableEntities } from '@hoop/policy/masks';
import type { MaskingRuleRow } from '@hoop/store/masking-rules';
import type { Aggregates } from '@hoop/store/store';
import { maskingMisfit, protocolFor } from './connection-check.ts';
import { invalid, notFound, timeOf } from './failures.ts';
import { type Handlers, NO_BODY } from './handler.ts';
import type { ApiParts } from './parts.ts';

type Names = 'listMaskingRules' | 'createMaskingRule' | 'getMaskingRule' | 'replaceMaskingRule' | 'deleteMaskingRule';

type Body = BodyOf<typeof createMaskingRule>;

export function maskingHandlers({ store, live, protocols }: ApiParts): Pick<Handlers, Names> {
  const mustFit = async (tx: Aggregates, rule: MaskingRuleRow): Promise<void> => {
    for (const connection of await tx.connections.list({ ids: rule.connectionIds })) {
      const why = maskingMisfit(protocolFor(protocols, connection));
      if (why !== undefined) throw invalid('connection_ids', `${connection.name} cannot be masked: ${why}`);
    }
  };
  return {
    listMaskingRules: async () => ({ body: (await store.maskingRules.list()).map(toMaskingRule) }),
    createMaskingRule: async ({ body }) => {
      const rule = ruleOf(body);
      const row = await store.transaction(async (tx) => {
        const created = await tx.maskingRules.create(rule);
        await mustFit(tx, created);
        return created;
      });
      await live.policyChanged(row.connectionIds);
      return { body: toMaskingRule(row) };
    },
    getMaskingRule: async ({ params }) => {
      const row = await store.maskingRules.get(params.id);
      if (!row) throw notFound('data masking rule');
      return { body: toMaskingRule(row) };
    },
    replaceMaskingRule: async ({ params, body }) => {
      const rule = ruleOf(body);
      const row = await store.transaction(async (tx) => {
        const changed = await tx.maskingRules.update(params.id, rule);
        if (!changed) throw notFound('data masking rule');
        await mustFit(tx, changed);
        return changed;
      });
      // Of all: connections that it was taken from are concerned too.
      await live.policyChanged(undefined);
      return { body: toMaskingRule(row) };
    },
    deleteMaskingRule: async ({ params }) => {
      if (!(await store.maskingRules.delete(params.id))) throw notFound('data masking rule');
      await live.policyChanged(undefined);
      return NO_BODY;
    },
  };
}

function ruleOf(body: Body) {
  const known = maskableEntities();
  for (const [index, { entity_types }] of body.supported_entity_types.entries()) {
    const at = entity_types.findIndex((entity) => !known.includes(entity));
    if (at < 0) continue;
    const field = `supported_entity_types.${index}.entity_types.${at}`;
    throw invalid(field, `${entity_types[at]} cannot be found in this release; use one of ${known.join(', ')}`);
  }
  return {
    name: body.name,
    description: body.description,
    supportedEntityTypes: body.supported_entity_types.map(({ name, entity_types: entityTypes }) => ({ name, entityTypes })),
    scoreThreshold: body.score_threshold ?? null,
    connectionIds: body.connection_ids,
  };
}

function toMaskingRule(row: MaskingRuleRow): MaskingRule {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    connection_ids: [...row.connectionIds],
    attributes: [...row.attributes],
    supported_entity_types: row.supportedEntityTypes.map(({ name, entityTypes }) => ({ name, entity_types: [...entityTypes] })),
    custom_entity_types: [...row.customEntityTypes],
    score_threshold: row.scoreThreshold,
    managed_by: row.managedBy,
    created_at: timeOf(row.createdAt),
    updated_at: timeOf(row.updatedAt),
  };
}
