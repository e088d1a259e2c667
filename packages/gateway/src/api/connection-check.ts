import type { GuardrailRule } from '@hoop/contract/tunnel';
import { protocolOf } from '@hoop/core/connection';
import type { ConnectionRow } from '@hoop/store/connections';
import type { Aggregates } from '@hoop/store/store';
import { z } from 'zod';
import type { ProtocolDirectory, ProtocolTraits } from '../ports.ts';
import { invalid } from './failures.ts';

/** A connection as stored, but not committed: throwing takes it back. Secrets are those that it would have. */
export async function checkConnection(tx: Aggregates, protocols: ProtocolDirectory, connection: ConnectionRow): Promise<void> {
  const protocol = protocolFor(protocols, connection);
  if (!(await tx.agents.get(connection.agentId))) {
    throw invalid('agent_id', 'There is no agent with this id. List agents, or create one first');
  }
  checkSecrets(protocol, await tx.connections.secretsOf(connection.id));
  const policy = await tx.policyOf(connection.id);
  for (const rule of policy.guardrails) {
    const why = guardrailMisfit(protocol, rule);
    if (why !== undefined) throw invalid('guardrail_rules', `${connection.name} cannot have the guardrail ${rule.name}: ${why}`);
  }
  for (const rule of policy.maskingRules) {
    const why = maskingMisfit(protocol);
    if (why !== undefined) throw invalid('subtype', `${connection.name} has the masking rule ${rule.name}, but ${why}`);
  }
}

/** The protocol that speaks for a connection. @throws Refusal `invalid` where this release has none */
export function protocolFor(protocols: ProtocolDirectory, { type, subtype }: Pick<ConnectionRow, 'type' | 'subtype'>): ProtocolTraits {
  const name = protocolOf(type, subtype);
  const protocol = name === undefined ? undefined : protocols.get(name);
  if (protocol) return protocol;
  throw invalid('subtype', `Connections of type ${type}/${subtype || '…'} are not available in this release`);
}

/** Secrets against what the protocol needs and knows. @throws Refusal `invalid` that names the secret, never its value */
export function checkSecrets(protocol: ProtocolTraits, secrets: Readonly<Record<string, string>>): void {
  const settings = new Map<string, string>();
  const known = protocol.settings instanceof z.ZodObject ? Object.keys(protocol.settings.shape) : undefined;
  for (const [key, value] of Object.entries(secrets)) {
    const [kind = '', name = ''] = key.split(':');
    if (kind !== 'envvar' || (known && !known.includes(name))) {
      const knows = known ? `; it knows ${known.map((each) => `envvar:${each}`).join(', ')}` : '';
      throw invalid(`secret.${key}`, `A connection of ${protocol.name} has no secret ${key}${knows}`);
    }
    settings.set(name, Buffer.from(value, 'base64').toString('utf8'));
  }
  const checked = protocol.settings.safeParse(Object.fromEntries(settings));
  const issue = checked.error?.issues[0];
  if (!issue) return;
  const name = String(issue.path[0] ?? '');
  const isMissing = !settings.has(name);
  throw invalid(
    `secret.envvar:${name}`,
    isMissing ? `A connection of ${protocol.name} needs the secret envvar:${name}` : `envvar:${name}: ${issue.message}`,
  );
}

/** Why a protocol cannot keep a guardrail; undefined when it can. */
export function guardrailMisfit(
  protocol: ProtocolTraits,
  rule: { readonly input: readonly GuardrailRule[]; readonly output: readonly GuardrailRule[] },
): string | undefined {
  if (rule.output.length > 0) return 'rules on output are not available in this release';
  if (rule.input.length === 0 || protocol.abilities.actions === 'parsed') return undefined;
  return `${protocol.name} is passed on without being understood, so its statements cannot be judged`;
}

/** Why a protocol cannot keep a masking rule; undefined when it can. */
export function maskingMisfit(protocol: ProtocolTraits): string | undefined {
  if (protocol.abilities.mask !== 'none') return undefined;
  return `${protocol.name} is passed on without being understood, so nothing in it can be masked`;
}
