import { formatDsn } from '@hoop/contract/agent-key';
import type { OrgKey } from '@hoop/contract/routes/org-keys';
import { ORG_AGENT, type OrgKeyRow } from '@hoop/store/org-keys';
import { createAgentKey } from '../identity/agent-keys.ts';
import { notFound } from './failures.ts';
import { type Handlers, NO_BODY } from './handler.ts';
import type { ApiParts } from './parts.ts';

/** The one key that many agents beside applications come with. */
export function orgKeyHandlers({ store, hub, server, log }: ApiParts): Pick<Handlers, 'getOrgKey' | 'createOrgKey' | 'deleteOrgKey'> {
  const toOrgKey = ({ id, key }: OrgKeyRow): OrgKey => ({
    id,
    key: formatDsn({ ...server.agentDsn('grpc'), name: ORG_AGENT, key, mode: 'multi-connection' }),
  });
  return {
    getOrgKey: async ({ identity, peer }) => {
      const row = await store.orgKeys.get();
      if (!row) throw notFound('organization key; make it with `hoop admin create orgkeys`');
      // It is read only, and still something that one wants to find again: a key was seen.
      log.info({ audit: 'orgkey.read', user: identity.email, peer }, 'The organization key was shown');
      return { body: toOrgKey(row) };
    },
    createOrgKey: async () => ({ body: toOrgKey(await store.orgKeys.create(createAgentKey())) }),
    deleteOrgKey: async () => {
      const id = await store.orgKeys.delete();
      if (id !== undefined) hub.disconnect(id, 'The organization key was revoked');
      return NO_BODY;
    },
  };
}
