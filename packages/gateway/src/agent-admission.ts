import { ResourceName } from '@hoop/contract/routes/common';
import { ConnectionType } from '@hoop/contract/routes/connections';
import type { AgentHello, DeclaredConnection } from '@hoop/contract/tunnel';
import { asAppError, Bug, Refusal } from '@hoop/core/errors';
import type { Log } from '@hoop/core/log';
import { maskableEntities } from '@hoop/policy/masks';
import type { AgentMode } from '@hoop/store/agents';
import type { ConnectionRow, NewConnection } from '@hoop/store/connections';
import type { Aggregates, Store } from '@hoop/store/store';
import type { AgentLink } from '@hoop/tunnel/link';
import { maskingMisfit, protocolFor } from './api/connection-check.ts';
import type { AgentHub } from './hub.ts';
import { MANAGED_BY_AGENT } from './managed-by.ts';
import type { LiveSessions, ProtocolDirectory } from './ports.ts';

/** Of each list in a declaration. */
const DECLARED_ITEMS_MAX = 100;

export interface AdmissionDeps {
  readonly store: Store;
  readonly hub: AgentHub;
  readonly live: LiveSessions;
  readonly protocols: ProtocolDirectory;
  readonly log: Log;
}

/** The door of the hub: who came with a good key is asked how it was started and what it brings along. */
export class AgentAdmission {
  readonly #deps: AdmissionDeps;

  constructor(deps: AdmissionDeps) {
    this.#deps = deps;
  }

  /** Lets the agent in, or tells it why not and ends its link. Resolves when that is decided; never rejects. */
  async admit(link: AgentLink): Promise<void> {
    const { log, hub } = this.#deps;
    try {
      await this.#examine(link);
      hub.attach(link);
      await this.#mustHaveKey(link);
    } catch (thrown) {
      const error = asAppError(thrown);
      const isRefusal = error instanceof Refusal;
      if (error instanceof Bug) log.error({ err: error, agent: link.name }, 'An agent could not be let in');
      else log.warn({ code: error.code, agent: link.name, hostname: link.hello.hostname }, `An agent was refused. ${error.message}`);
      // Without a code it comes back, which helps when only the store was away.
      link.close(isRefusal ? error.message : 'The gateway cannot take agents now', isRefusal ? error.code : undefined);
    }
  }

  async #examine(link: AgentLink): Promise<void> {
    const agent = await this.#deps.store.agents.get(link.agentId);
    if (!agent) throw deleted();
    checkMode(agent.mode, link.hello);
    const { declares } = link.hello;
    if (!declares) return;
    const { store, live, protocols } = this.#deps;
    const wanted = wantedOf(declares, link.agentId, protocols);
    const changed = await declare(store, wanted).catch((error: unknown) => {
      // Another process with the same key was quicker; this time the row is there.
      if (asAppError(error).code === 'connection_exists') return declare(store, wanted);
      throw error;
    });
    if (changed) await live.policyChanged([changed.id]);
  }

  /** A key that was deleted since it was checked found no link to cut. */
  async #mustHaveKey(link: AgentLink): Promise<void> {
    if (link.keyId === undefined) return;
    const agent = await this.#deps.store.agents.byKeyHash(link.keyId);
    if (agent?.id !== link.agentId) throw deleted();
  }
}

function deleted(): Refusal {
  return new Refusal('agent_key_invalid', 'The agent was deleted. Make a new one with `hoop admin create agent NAME`');
}

/** @throws Refusal `agent_mode` for a key of the other kind */
function checkMode(mode: AgentMode, hello: AgentHello): void {
  const forEmbedded = mode !== 'standard';
  const isEmbedded = hello.mode === 'embedded';
  if (forEmbedded === isEmbedded) return;
  const key = mode === 'multi-connection' ? 'the organization key' : `a key of mode ${mode}`;
  throw new Refusal(
    'agent_mode',
    forEmbedded
      ? `This is ${key}, which is for \`hoop run\`. Make one for this agent with \`hoop admin create agent NAME\``
      : `This is ${key}. \`hoop run\` needs one of mode embedded, or the organization key: see \`hoop admin get orgkeys\``,
  );
}

type Wanted = NewConnection & Required<Pick<NewConnection, 'command' | 'reviewers' | 'redactTypes'>>;

/** What is to be stored of a declaration. @throws Refusal that says what is wrong with it */
function wantedOf(declared: DeclaredConnection, agentId: string, protocols: ProtocolDirectory): Wanted {
  const { name, subtype, command, reviewers, redact_types: redactTypes } = declared;
  const type = ConnectionType.safeParse(declared.type).data;
  if (!ResourceName.safeParse(name).success) {
    throw bad('The name of its connection must be made of letters, digits, dots, dashes and underscores, at most 128');
  }
  if (type === undefined) throw bad('The type of its connection is unknown');
  if (reviewers.length > DECLARED_ITEMS_MAX || redactTypes.length > DECLARED_ITEMS_MAX) {
    throw bad(`Its connection names more than ${DECLARED_ITEMS_MAX} reviewers or data types`);
  }
  const protocol = protocolFor(protocols, { type, subtype });
  const unknown = redactTypes.find((entity) => !maskableEntities().includes(entity));
  if (unknown !== undefined) throw bad(`${unknown} cannot be masked; use one of ${maskableEntities().join(', ')}`);
  const misfit = redactTypes.length > 0 ? maskingMisfit(protocol, { columns: [] }) : undefined;
  if (misfit !== undefined) throw bad(`Its data cannot be masked: ${misfit}`);
  return {
    ...{ name, type, subtype, agentId, command, reviewers, redactTypes },
    redactEnabled: redactTypes.length > 0,
    managedBy: MANAGED_BY_AGENT,
  };
}

function bad(message: string): Refusal {
  return new Refusal('bad_declaration', `The agent’s connection cannot be taken. ${message}`);
}

/**
 * Stores a declared connection unless it stands there already; gives it when it was changed. Access modes are all on at
 * first, and afterwards as administrators leave them.
 * @throws Refusal `connection_taken` when somebody else's connection has the name
 */
function declare(store: Store, wanted: Wanted): Promise<ConnectionRow | undefined> {
  return store.transaction(async (tx: Aggregates) => {
    const found = await tx.connections.get(wanted.name);
    if (!found) {
      await tx.connections.create({ ...wanted, accessSchema: wanted.type === 'database' });
      return undefined;
    }
    if (found.managedBy !== MANAGED_BY_AGENT || found.ownAgentId !== wanted.agentId) {
      throw new Refusal(
        'connection_taken',
        `There is a connection ${wanted.name} already that is not this agent’s. Give another name with --name, or have that one deleted`,
      );
    }
    if (isSame(found, wanted)) return undefined;
    return tx.connections.update(found.id, wanted);
  });
}

function isSame(found: ConnectionRow, wanted: Wanted): boolean {
  const facts = ({ type, subtype, command, reviewers, redactTypes }: Wanted | ConnectionRow): string =>
    JSON.stringify([type, subtype, command, reviewers, redactTypes]);
  return facts(found) === facts(wanted);
}
