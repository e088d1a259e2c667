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
      const agents = (await store.agents.list()).filter(isShown).map((agent) => toAgent(agent, parts));
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
      return { body: toAgent(agent, parts) };
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

/** Linked to this gateway, or to another one on the same store. */
export function isAgentOnline(agent: AgentRow, { hub, gatewayId }: Pick<ApiParts, 'hub' | 'gatewayId'>): boolean {
  return hub.isOnline(agent.id) || (agent.status === 'CONNECTED' && agent.gatewayId !== null && agent.gatewayId !== gatewayId);
}

function toAgent(agent: AgentRow, parts: ApiParts): Agent {
  const { metadata } = agent;
  return {
    id: agent.id,
    token: '',
    name: agent.name,
    mode: agent.mode,
    status: isAgentOnline(agent, parts) ? 'CONNECTED' : 'DISCONNECTED',
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
