import { parseSecretReference, SecretReferenceError } from '@hoop/contract/secret-reference';
import type { GuardrailRule } from '@hoop/contract/tunnel';
import { protocolOf } from '@hoop/core/connection';
import type { ConnectionRow } from '@hoop/store/connections';
import type { Aggregates } from '@hoop/store/store';
import { z } from 'zod';
import { MANAGED_BY_AGENT } from '../managed-by.ts';
import type { ProtocolDirectory, ProtocolTraits } from '../ports.ts';
import { invalid } from './failures.ts';

/** A connection as stored, but not committed: throwing takes it back. Secrets are those that it would have. */
export async function checkConnection(tx: Aggregates, protocols: ProtocolDirectory, connection: ConnectionRow): Promise<void> {
  const protocol = protocolFor(protocols, connection);
  if (connection.agentId === '')
    throw invalid('agent_id', `Say which agent it is for, or give the resource ${connection.resourceName} one`);
  if (!(await tx.agents.get(connection.agentId))) {
    throw invalid('agent_id', 'There is no agent with this id. List agents, or create one first');
  }
  if (protocol.needsCommand && connection.command.length === 0)
    throw invalid('command', `A connection of ${connection.type} runs a command; say which, as a list: ["bash"]`);
  await checkReviewers(tx, protocol, connection);
  // What an agent declared has its settings in the agent.
  if (connection.managedBy !== MANAGED_BY_AGENT) checkSecrets(protocol, await tx.connections.secretsOf(connection.id));
  const policy = await tx.policyOf(connection.id);
  for (const rule of policy.guardrails) {
    const why = guardrailMisfit(protocol, rule);
    if (why !== undefined) throw invalid('guardrail_rules', `${connection.name} cannot have the guardrail ${rule.name}: ${why}`);
  }
  for (const rule of policy.maskingRules) {
    const why = maskingMisfit(protocol, rule);
    if (why !== undefined) throw invalid('subtype', `${connection.name} has the masking rule ${rule.name}, but ${why}`);
  }
}

/** @throws Refusal `invalid` for groups that are none: nobody could ever approve */
async function checkReviewers(tx: Aggregates, protocol: ProtocolTraits, { reviewers, managedBy }: ConnectionRow): Promise<void> {
  if (reviewers.length === 0) return;
  const known = new Set(await tx.users.listGroups());
  const unknown = reviewers.find((group) => !known.has(group));
  if (unknown !== undefined && managedBy !== MANAGED_BY_AGENT) throw invalid('reviewers', `There is no group ${unknown}; create it first`);
  if (!protocol.abilities.hold) throw invalid('reviewers', `${protocol.name} cannot wait for approval`);
}

/** The protocol that speaks for a connection. @throws Refusal `invalid` where this release has none */
export function protocolFor(protocols: ProtocolDirectory, { type, subtype }: Pick<ConnectionRow, 'type' | 'subtype'>): ProtocolTraits {
  const name = protocolOf(type, subtype);
  const protocol = name === undefined ? undefined : protocols.get(name);
  if (protocol) return protocol;
  throw invalid('subtype', `Connections of type ${type}/${subtype || '…'} are not available in this release`);
}

/**
 * Secrets against what the protocol needs and knows. Of one that the agent is to fetch, only the form is checked here; its value is, there.
 * @throws Refusal `invalid` that names the secret, never its value
 */
export function checkSecrets(protocol: ProtocolTraits, secrets: Readonly<Record<string, string>>): void {
  const settings = new Map<string, string>();
  const fetched = new Set<string>();
  const shape: Readonly<Record<string, z.ZodType>> | undefined =
    protocol.settings instanceof z.ZodObject ? protocol.settings.shape : undefined;
  for (const [key, value] of Object.entries(secrets)) {
    const [kind = '', name = ''] = key.split(':');
    if (!takesSecret(shape, kind, name)) {
      const knows = shape
        ? `; it knows ${Object.keys(shape)
            .map((each) => `envvar:${each}`)
            .join(', ')}`
        : '';
      throw invalid(`secret.${key}`, `A connection of ${protocol.name} has no secret ${key}${knows}`);
    }
    const text = Buffer.from(value, 'base64').toString('utf8');
    for (const each of settingsFetchedFor(key, name, text)) fetched.add(each);
    settings.set(name, text);
  }
  const checked = protocol.settings.safeParse(Object.fromEntries(settings));
  const issue = checked.error?.issues.find(({ path }) => !fetched.has(String(path[0] ?? '')));
  if (!issue) return;
  const name = String(issue.path[0] ?? '');
  const isMissing = !settings.has(name);
  throw invalid(
    `secret.envvar:${name}`,
    isMissing ? `A connection of ${protocol.name} needs the secret envvar:${name}` : `envvar:${name}: ${issue.message}`,
  );
}

/** A schema says `.meta({ file: true })` of a setting that may be a file's path; any other would take the path for its value. */
function takesSecret(shape: Readonly<Record<string, z.ZodType>> | undefined, kind: string, name: string): boolean {
  if (shape === undefined) return kind === 'envvar' || kind === 'filesystem';
  const schema = Object.hasOwn(shape, name) ? shape[name] : undefined;
  return schema !== undefined && (kind === 'envvar' || (kind === 'filesystem' && schema.meta()?.file === true));
}

/** Settings whose value this secret leaves to the agent: itself where it is a reference or a file, and PASS with a login that makes its own. */
function settingsFetchedFor(key: string, name: string, text: string): readonly string[] {
  try {
    const reference = parseSecretReference(text);
    if (reference?.source === 'aws_iam_rds') {
      if (key !== 'envvar:USER') throw new SecretReferenceError('_aws_iam_rds names a database user: it belongs into envvar:USER');
      return [name, 'PASS'];
    }
    return reference || key.startsWith('filesystem:') ? [name] : [];
  } catch (error) {
    if (error instanceof SecretReferenceError) throw invalid(`secret.${key}`, `${key}: ${error.message}`);
    throw error;
  }
}

/** Why a protocol cannot keep a guardrail; undefined when it can. */
export function guardrailMisfit(
  protocol: ProtocolTraits,
  rule: { readonly input: readonly GuardrailRule[]; readonly output: readonly GuardrailRule[] },
): string | undefined {
  if (rule.output.length > 0 && !protocol.abilities.answers.includes('forbids')) {
    return `${protocol.name} cannot keep an answer back, so rules on output would not be kept`;
  }
  if (rule.input.length === 0) return undefined;
  if (protocol.abilities.actions !== 'parsed')
    return `${protocol.name} is passed on without being understood, so its statements cannot be judged`;
  for (const each of rule.input) {
    const why = ruleMisfit(protocol, each);
    if (why !== undefined) return why;
  }
  return undefined;
}

function ruleMisfit({ name, dialect, carries, abilities }: ProtocolTraits, { type, action }: GuardrailRule): string | undefined {
  if (action === 'require_approval' && !abilities.hold) return `${name} cannot keep a statement waiting for approval`;
  switch (type) {
    case 'operation':
    case 'table':
    case 'function':
      return dialect === undefined ? `rules of type ${type} are about SQL, which ${name} does not carry` : undefined;
    case 'command':
      return carries === 'commands' ? undefined : `rules of type command are about command lines, which ${name} does not carry`;
    case 'request':
      return carries === 'requests' ? undefined : `rules of type request are about HTTP requests, which ${name} does not carry`;
    case 'row_limit':
      if (action !== undefined && action !== 'block') return 'a row_limit can only block';
      return abilities.answers.includes('rows')
        ? undefined
        : `${name} does not count the rows of an answer, so a row_limit would not be kept`;
    default:
      return undefined;
  }
}

/** Why a protocol cannot keep a masking rule; undefined when it can. */
export function maskingMisfit({ name, abilities }: ProtocolTraits, rule: { readonly columns: readonly string[] }): string | undefined {
  if (abilities.mask === 'none') return `${name} is passed on without being understood, so nothing in it can be masked`;
  if (rule.columns.length === 0 || abilities.answers.includes('hides')) return undefined;
  return `${name} does not tell the columns of an answer apart, so none would be hidden`;
}
