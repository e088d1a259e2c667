import { z } from 'zod';
import { route } from '../route.ts';
import { Id, ResourceName, readOnly, Time } from './common.ts';
import { ConnectionType, Secrets } from './connections.ts';

/** What connections (its roles) have in common: those that name no agent use its agent, and its variables stand under theirs. */
export const Resource = z.object({
  id: z.string(),
  name: z.string(),
  type: ConnectionType,
  subtype: z.string(),
  /** Empty: its connections name their own. */
  agent_id: z.string(),
  /** Always empty: values go in and never come out. */
  env_vars: z.record(z.string(), z.string()),
  /** Which variables are set. */
  env_keys: z.array(z.string()),
  /** Names of the connections that belong to it. */
  connections: z.array(z.string()),
  created_at: Time,
  updated_at: Time,
});
export type Resource = z.infer<typeof Resource>;

const ResourceParams = z.object({ name: z.string().min(1).max(254) });

const ignored = { id: readOnly, env_keys: readOnly, connections: readOnly, created_at: readOnly, updated_at: readOnly };

const fields = {
  ...ignored,
  type: ConnectionType,
  subtype: z.string().max(64).default(''),
  /** Empty or left out: none. */
  agent_id: z.union([Id, z.literal('')]).default(''),
};

export const listResources = route({
  method: 'GET',
  path: '/resources',
  summary: 'Lists resources, sorted by name, without the values of their variables',
  role: 'all',
  query: z.strictObject({
    name: z.string().max(128).optional(),
    type: z.string().max(64).optional(),
    subtype: z.string().max(64).optional(),
    agent_id: Id.optional(),
  }),
  reply: z.array(Resource),
});

export const createResource = route({
  method: 'POST',
  path: '/resources',
  summary: 'Creates a resource',
  role: 'admin',
  body: z.strictObject({ ...fields, name: ResourceName, env_vars: Secrets.default({}) }),
  reply: Resource,
  status: 201,
  audit: 'resource.create',
});

export const getResource = route({
  method: 'GET',
  path: '/resources/:name',
  summary: 'Gets a resource by its name or id',
  role: 'all',
  params: ResourceParams,
  reply: Resource,
});

export const replaceResource = route({
  method: 'PUT',
  path: '/resources/:name',
  summary: 'Replaces a resource; without `env_vars` they stay as they are. Its connections must still be complete afterwards',
  role: 'admin',
  params: ResourceParams,
  body: z.strictObject({ ...fields, name: ResourceName.optional(), env_vars: Secrets.optional() }),
  reply: Resource,
  audit: 'resource.update',
});

export const deleteResource = route({
  method: 'DELETE',
  path: '/resources/:name',
  summary: 'Deletes a resource; 409 while connections belong to it',
  role: 'admin',
  params: ResourceParams,
  status: 204,
  audit: 'resource.delete',
});
