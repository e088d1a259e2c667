import type { PolicyMessage } from '@hoop/contract/tunnel';
import type { ConnectionPolicy } from '@hoop/store/store';

/** The rules of a connection as the agent compiles them. */
export function policyMessage(policy: ConnectionPolicy): PolicyMessage {
  return {
    revision: policy.revision,
    guardrails: policy.guardrails.map((rule) => ({ name: rule.name, input: [...rule.input], output: [...rule.output] })),
    masks: [
      ...policy.maskingRules.map((rule) => ({
        name: rule.name,
        entities: rule.supportedEntityTypes.flatMap((each) => each.entityTypes),
      })),
      ...(policy.redactTypes.length > 0 ? [{ name: OF_CONNECTION, entities: [...policy.redactTypes] }] : []),
    ],
  };
}

/** Whether people may have to be asked about an action. */
export function needsApproval({ guardrails }: PolicyMessage): boolean {
  return guardrails.some(({ input }) => input.some(({ action }) => action === 'require_approval'));
}

/** What records call the entities that a connection itself has hidden. */
const OF_CONNECTION = 'redact_types';
