import type { BodyOf } from '@hoop/contract/route';
import type { createMaskingRule, MaskingRule } from '@hoop/contract/routes/masking';
import { AppError } from '@hoop/core/errors';
import { columnRulesOf, compileColumnMasks } from '@hoop/policy/columns/masks';
import { compileMasks, maskableEntities } from '@hoop/policy/masks';
import { mayBeRemote } from '@hoop/policy/remote';
import type { CustomEntityType, MaskingRuleRow } from '@hoop/store/masking-rules';
import type { Aggregates } from '@hoop/store/store';
import { customEntity } from '../policy-message.ts';
import { maskingMisfit, protocolFor } from './connection-check.ts';
import { invalid, notFound, timeOf } from './failures.ts';
import { type Handlers, NO_BODY } from './handler.ts';
import type { ApiParts } from './parts.ts';

type Names = 'listMaskingRules' | 'createMaskingRule' | 'getMaskingRule' | 'replaceMaskingRule' | 'deleteMaskingRule';

type Body = BodyOf<typeof createMaskingRule>;

export function maskingHandlers({ store, live, protocols, server }: ApiParts): Pick<Handlers, Names> {
  const asksServer = (): boolean => server.info().redact_provider === 'mspresidio';
  const mustFit = async (tx: Aggregates, rule: MaskingRuleRow): Promise<void> => {
    for (const connection of await tx.connections.list({ ids: rule.connectionIds })) {
      const why = maskingMisfit(protocolFor(protocols, connection), rule);
      if (why !== undefined) throw invalid('connection_ids', `${connection.name} cannot be masked: ${why}`);
    }
  };
  return {
    listMaskingRules: async () => ({ body: (await store.maskingRules.list()).map(toMaskingRule) }),
    createMaskingRule: async ({ body }) => {
      const rule = ruleOf(body, asksServer());
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
      const rule = ruleOf(body, asksServer());
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

/** @param asksServer whether agents ask a server that may know more entities than they do; which ones, it tells them */
function ruleOf(body: Body, asksServer: boolean) {
  const known = maskableEntities();
  for (const [index, { entity_types }] of body.supported_entity_types.entries()) {
    const at = entity_types.findIndex((entity) => !known.includes(entity) && !(asksServer && mayBeRemote(entity)));
    if (at < 0) continue;
    const field = `supported_entity_types.${index}.entity_types.${at}`;
    throw invalid(field, `${entity_types[at]} cannot be found in this release; use one of ${known.join(', ')}`);
  }
  const customEntityTypes = body.custom_entity_types.map(({ name, regex, deny_list: denyList, score }) => ({
    name,
    regex,
    denyList,
    score,
  }));
  if (body.supported_entity_types.length + customEntityTypes.length + body.columns.length === 0) {
    throw invalid('supported_entity_types', 'Name at least one entity here or in custom_entity_types, or a pattern in columns');
  }
  for (const [index, column] of body.columns.entries()) mustBePattern(column, `columns.${index}`);
  if (body.keep != null && body.strategy !== 'partial')
    throw invalid('keep', 'Only a rule with the strategy partial shows the end of a value');
  for (const [index, custom] of customEntityTypes.entries()) mustCompile(custom, `custom_entity_types.${index}`);
  const twice = customEntityTypes.findIndex(({ name }, index) => customEntityTypes.findIndex((other) => other.name === name) < index);
  if (twice >= 0) throw invalid(`custom_entity_types.${twice}.name`, `${customEntityTypes[twice]?.name} is there twice`);
  return {
    name: body.name,
    description: body.description,
    customEntityTypes,
    supportedEntityTypes: body.supported_entity_types.map(({ name, entity_types: entityTypes }) => ({ name, entityTypes })),
    columns: body.columns,
    scoreThreshold: body.score_threshold ?? null,
    strategy: body.strategy ?? null,
    keep: body.keep ?? null,
    connectionIds: body.connection_ids,
  };
}

/** @throws Refusal with the field, when an agent could not find it */
function mustCompile(custom: CustomEntityType, field: string): void {
  try {
    compileMasks([{ name: '', entities: [], custom: [customEntity(custom)] }]);
  } catch (error) {
    throw error instanceof AppError ? invalid(field, error.message) : error;
  }
}

/** @throws Refusal with the field, for what is no pattern of columns */
export function mustBePattern(column: string, field: string): void {
  try {
    compileColumnMasks(columnRulesOf([{ columns: [column] }]), undefined);
  } catch (error) {
    throw error instanceof AppError ? invalid(field, error.message) : error;
  }
}

function toMaskingRule(row: MaskingRuleRow): MaskingRule {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    connection_ids: [...row.connectionIds],
    attributes: [...row.attributes],
    supported_entity_types: row.supportedEntityTypes.map(({ name, entityTypes }) => ({ name, entity_types: [...entityTypes] })),
    custom_entity_types: row.customEntityTypes.map(({ name, regex, denyList, score }) => ({
      name,
      regex,
      deny_list: [...denyList],
      score,
    })),
    columns: [...row.columns],
    score_threshold: row.scoreThreshold,
    strategy: row.strategy,
    keep: row.keep,
    managed_by: row.managedBy,
    created_at: timeOf(row.createdAt),
    updated_at: timeOf(row.updatedAt),
  };
}
