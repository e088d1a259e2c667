import type { BodyOf } from '@hoop/contract/route';
import type { createGuardrail, Guardrail } from '@hoop/contract/routes/guardrails';
import type { GuardrailRule } from '@hoop/contract/tunnel';
import { asAppError } from '@hoop/core/errors';
import { compileRule } from '@hoop/policy/rules';
import type { GuardrailRow } from '@hoop/store/guardrails';
import type { Aggregates } from '@hoop/store/store';
import { guardrailMisfit, protocolFor } from './connection-check.ts';
import { invalid, notFound, timeOf } from './failures.ts';
import { type Handlers, NO_BODY } from './handler.ts';
import type { ApiParts } from './parts.ts';

type Names = 'listGuardrails' | 'createGuardrail' | 'getGuardrail' | 'replaceGuardrail' | 'deleteGuardrail';

type Body = BodyOf<typeof createGuardrail>;

export function guardrailHandlers({ store, live, protocols }: ApiParts): Pick<Handlers, Names> {
  const mustFit = async (tx: Aggregates, rule: GuardrailRow): Promise<void> => {
    for (const connection of await tx.connections.list({ ids: rule.connectionIds })) {
      const why = guardrailMisfit(protocolFor(protocols, connection), rule);
      if (why !== undefined) throw invalid('connection_ids', `${connection.name} cannot have this guardrail: ${why}`);
    }
  };
  return {
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
  checkRules('input', body.input.rules);
  checkRules('output', body.output.rules);
  if (body.output.rules.length > 0)
    throw invalid('output.rules', 'Rules on output are not available in this release; mask the data instead');
  return {
    name: body.name,
    description: body.description,
    input: body.input.rules,
    output: body.output.rules,
    connectionIds: body.connection_ids,
  };
}

/** Compiles what the agent will compile, so that a wrong pattern is told to its author and not to a user. */
function checkRules(side: 'input' | 'output', rules: readonly GuardrailRule[]): void {
  for (const [index, rule] of rules.entries()) {
    try {
      compileRule(rule);
    } catch (thrown) {
      const part = rule.type === 'pattern_match' ? 'pattern_regex' : 'words';
      throw invalid(`${side}.rules.${index}.${part}`, asAppError(thrown).message);
    }
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
