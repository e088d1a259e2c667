import { createHash, randomBytes } from 'node:crypto';
import { AGENT_KEY_PREFIX, DsnError, parseDsn } from '@hoop/contract/agent-key';
import { Refusal } from '@hoop/core/errors';
import type { Aggregates } from '@hoop/store/store';

export interface NewAgentKey {
  /** Shown once; what is stored is the hash. */
  readonly key: string;
  readonly keyHash: string;
}

/** A new secret of 256 random bits. */
export function createAgentKey(): NewAgentKey {
  const key = `${AGENT_KEY_PREFIX}${randomBytes(32).toString('base64url')}`;
  return { key, keyHash: secretHash(key) };
}

/** Hex SHA-256: enough for a secret of 256 random bits, and the same secret always has the same, so it can be looked up. */
export function secretHash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Checks the keys of agents that dial in. */
export class AgentKeys {
  readonly #agents: Aggregates['agents'];

  constructor(agents: Aggregates['agents']) {
    this.#agents = agents;
  }

  /**
   * Whose key this DSN is, and what it is called in public. The look-up goes by hash, so the time it takes tells nothing about a stored key.
   * @throws Refusal `agent_key_invalid`
   */
  async verify(dsn: string): Promise<{ readonly agentId: string; readonly name: string; readonly keyId: string }> {
    const { name, key } = readDsn(dsn);
    const keyId = secretHash(key);
    const agent = await this.#agents.byKeyHash(keyId);
    if (!agent || agent.name !== name) {
      throw new Refusal(
        'agent_key_invalid',
        'The agent key is not valid, or its agent was deleted. Make a new one with `hoop admin create agent NAME`',
      );
    }
    return { agentId: agent.id, name: agent.name, keyId };
  }
}

function readDsn(dsn: string): { name: string; key: string } {
  try {
    return parseDsn(dsn);
  } catch (error) {
    throw new Refusal('agent_key_invalid', error instanceof DsnError ? error.message : 'The agent key cannot be read');
  }
}
