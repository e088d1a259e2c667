import type { PolicyMessage } from '@hoop/contract/tunnel';
import type { CustomEntityType } from '@hoop/store/masking-rules';
import type { ConnectionPolicy } from '@hoop/store/store';

/** The rules of a connection as the agent compiles them. */
export function policyMessage(policy: ConnectionPolicy): PolicyMessage {
  return {
    revision: policy.revision,
    guardrails: policy.guardrails.map((rule) => ({ name: rule.name, input: [...rule.input], output: [...rule.output] })),
    masks: [
      ...policy.maskingRules.map((rule) => ({
        name: rule.name,
        entities: [...rule.supportedEntityTypes.flatMap((each) => each.entityTypes), ...rule.customEntityTypes.map(({ name }) => name)],
        ...(rule.customEntityTypes.length > 0 ? { custom: rule.customEntityTypes.map(customEntity) } : {}),
        ...(rule.columns.length > 0 ? { columns: [...rule.columns] } : {}),
        ...(rule.scoreThreshold === null ? {} : { threshold: rule.scoreThreshold }),
        ...(rule.strategy === null ? {} : { strategy: rule.strategy }),
        ...(rule.keep === null ? {} : { keep: rule.keep }),
      })),
      ...(policy.redactTypes.length > 0 ? [{ name: OF_CONNECTION, entities: [...policy.redactTypes] }] : []),
    ],
  };
}

/** An administrator's own entity as the agent compiles it. */
export function customEntity({ name, regex, denyList, score }: CustomEntityType): CustomEntity {
  return { name, pattern: regex, words: [...denyList], score };
}

type CustomEntity = NonNullable<PolicyMessage['masks'][number]['custom']>[number];

/** Whether people may have to be asked about an action. */
export function needsApproval({ guardrails }: PolicyMessage): boolean {
  return guardrails.some(({ input }) => input.some(({ action }) => action === 'require_approval'));
}

/** Whether something must become of answers beside the masking of their texts; over SSH agents learned both at the same time. */
export function needsAnswers({ guardrails, masks }: PolicyMessage, protocol?: string): boolean {
  if (protocol === 'ssh' && masks.length > 0) return true;
  const limits = guardrails.some(({ input, output }) => output.length > 0 || input.some(({ type }) => type === 'row_limit'));
  return limits || masks.some(({ columns }) => columns !== undefined && columns.length > 0);
}

/** What records call the entities that a connection itself has hidden. */
const OF_CONNECTION = 'redact_types';
