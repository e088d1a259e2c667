import { z } from 'zod';
import { route } from '../route.ts';
import { NameOrIdParams, ResourceName } from './common.ts';

export const Agent = z.object({
  id: z.string(),
  /** Always empty: a key is shown once, when it is made. */
  token: z.literal(''),
  name: z.string(),
  mode: z.enum(['standard', 'embedded', 'multi-connection']),
  status: z.enum(['CONNECTED', 'DISCONNECTED']),
  metadata: z.record(z.string(), z.string()),
  /** What the agent told of itself; empty until it has connected for the first time. */
  hostname: z.string(),
  machine_id: z.string(),
  kernel_version: z.string(),
  version: z.string(),
  goversion: z.string(),
  compiler: z.string(),
  platform: z.string(),
});
export type Agent = z.infer<typeof Agent>;

export const listAgents = route({
  method: 'GET',
  path: '/agents',
  summary: 'Lists agents',
  role: 'all',
  query: z.strictObject({ status: z.enum(['CONNECTED', 'DISCONNECTED']).optional() }),
  reply: z.array(Agent),
});

export const createAgent = route({
  method: 'POST',
  path: '/agents',
  summary: 'Creates an agent and gives its key, a DSN, this one time',
  role: 'admin',
  body: z.strictObject({
    name: ResourceName.min(3),
    /** `standard`: for `hoop start agent` (`hoop agent start`). `embedded`: for `hoop run`. */
    mode: z.enum(['standard', 'embedded']).default('standard'),
    /** What the key dials: the tunnel's own port, or the API's address for networks that only let HTTP out. */
    transport: z.enum(['grpc', 'http']).default('grpc'),
  }),
  reply: z.object({ token: z.string() }),
  status: 201,
  audit: 'agent.create',
});

export const getAgent = route({
  method: 'GET',
  path: '/agents/:nameOrID',
  summary: 'Gets an agent',
  role: 'all',
  params: NameOrIdParams,
  reply: Agent,
});

export const deleteAgent = route({
  method: 'DELETE',
  path: '/agents/:nameOrID',
  summary: 'Deletes an agent and its key; its link and every session on it end at once',
  role: 'admin',
  params: NameOrIdParams,
  status: 204,
  audit: 'agent.delete',
});
