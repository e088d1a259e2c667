import type { PolicyMessage } from '@hoop/contract/tunnel';
import type { ConnectionPolicy } from '@hoop/store/store';

/** The rules of a connection as the agent compiles them. */
export function policyMessage(policy: ConnectionPolicy): PolicyMessage {
  return {
    revision: policy.revision,
    guardrails: policy.guardrails.map((rule) => ({ name: rule.name, input: [...rule.input], output: [...rule.output] })),
    masks: policy.maskingRules.map((rule) => ({
      name: rule.name,
      entities: rule.supportedEntityTypes.flatMap((each) => each.entityTypes),
    })),
  };
}
