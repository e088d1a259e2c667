import { formatDsn } from '@hoop/contract/agent-key';
import type { Agent } from '@hoop/contract/routes/agents';
import type { AgentRow } from '@hoop/store/agents';
import { createAgentKey } from '../identity/agent-keys.ts';
import { notFound } from './failures.ts';
import { type Handlers, NO_BODY } from './handler.ts';
import type { ApiParts } from './parts.ts';

type Names = 'listAgents' | 'createAgent' | 'getAgent' | 'deleteAgent';

export function agentHandlers(parts: ApiParts): Pick<Handlers, Names> {
  const { store, hub, server } = parts;
  return {
    listAgents: async ({ query }) => {
      const isOnline = await onlineTest(parts);
      const agents = (await store.agents.list()).filter(isShown).map((agent) => toAgent(agent, isOnline));
      return { body: agents.filter((agent) => query.status === undefined || agent.status === query.status) };
    },
    createAgent: async ({ body }) => {
      const { key, keyHash } = createAgentKey();
      const agent = await store.agents.create({ name: body.name, mode: body.mode, keyHash });
      return { body: { token: formatDsn({ ...server.agentDsn(body.transport), name: agent.name, key, mode: agent.mode }) } };
    },
    getAgent: async ({ params }) => {
      const agent = await store.agents.get(params.nameOrID);
      if (!agent || !isShown(agent)) throw notFound('agent');
      return { body: toAgent(agent, await onlineTest(parts)) };
    },
    deleteAgent: async ({ params }) => {
      const agent = await store.agents.get(params.nameOrID);
      if (agent && isShown(agent)) {
        // The key first: an agent that is cut off before could be back in between.
        await store.agents.delete(agent.id);
        hub.disconnect(agent.id, 'The agent was deleted');
      }
      return NO_BODY;
    },
  };
}

/** The organization key has routes of its own. */
function isShown(agent: AgentRow): boolean {
  return agent.mode !== 'multi-connection';
}

/** Whether an agent, or whoever serves its connection of this name, is linked to a gateway. */
export type OnlineTest = (agentId: string, connection?: string) => boolean;

/** Looks at the links of this gateway, and at those of the others on the same store that live. */
export async function onlineTest({ store, hub, gatewayId }: ApiParts): Promise<OnlineTest> {
  const elsewhere = (await store.gateways.links()).filter((link) => link.gatewayId !== gatewayId);
  return (agentId, connection) => {
    if (hub.isOnline(agentId, connection)) return true;
    const links = elsewhere.filter((link) => link.agentId === agentId);
    if (connection === undefined) return links.length > 0;
    return links.some((link) => link.connection === connection || link.connection === '');
  };
}

function toAgent(agent: AgentRow, isOnline: OnlineTest): Agent {
  const { metadata } = agent;
  return {
    id: agent.id,
    token: '',
    name: agent.name,
    mode: agent.mode,
    status: isOnline(agent.id) ? 'CONNECTED' : 'DISCONNECTED',
    metadata: { ...metadata },
    hostname: metadata.hostname ?? '',
    machine_id: metadata.machine_id ?? '',
    kernel_version: metadata.kernel_version ?? '',
    version: metadata.version ?? '',
    goversion: '',
    compiler: '',
    platform: metadata.platform ?? '',
  };
}
