import { z } from 'zod';
import { route } from '../route.ts';

/** The organization's key: many agents beside applications (`hoop run`) come with the same one. */
export const OrgKey = z.object({
  /** Of the agent `_default` that stands for all of them. */
  id: z.string(),
  /** The DSN, without a mode: that is what tells it from an agent's own key. */
  key: z.string(),
});
export type OrgKey = z.infer<typeof OrgKey>;

export const getOrgKey = route({
  method: 'GET',
  path: '/orgs/keys',
  summary: 'Gets the organization key; 404 when there is none',
  role: 'admin',
  reply: OrgKey,
});

export const createOrgKey = route({
  method: 'POST',
  path: '/orgs/keys',
  summary: 'Creates the organization key; 409 when there is one',
  role: 'admin',
  reply: OrgKey,
  status: 201,
  audit: 'orgkey.create',
});

export const deleteOrgKey = route({
  method: 'DELETE',
  path: '/orgs/keys',
  summary: 'Revokes the organization key; every agent that came with it and every session on them ends at once',
  role: 'admin',
  status: 204,
  audit: 'orgkey.delete',
});
