import { openApiDocument } from '@hoop/contract/openapi';
import { routes } from '@hoop/contract/routes/all';
import type { Handlers } from './handler.ts';
import type { ApiParts } from './parts.ts';

type Names = 'getHealth' | 'getReadiness' | 'getOpenApi' | 'getPublicServerInfo' | 'getServerInfo';

export function serverHandlers({ store, readiness, server }: ApiParts): Pick<Handlers, Names> {
  let document: Record<string, unknown> | undefined;
  return {
    getHealth: () => ({ body: { liveness: 'OK' } }),
    getReadiness: () => {
      if (readiness.isReady) return { body: { ready: true } };
      return { status: 503, body: { ready: false, reason: readiness.reason } };
    },
    getOpenApi: () => {
      const { version, api_url } = server.info();
      document ??= openApiDocument(routes, { version, serverUrl: api_url });
      return { body: document };
    },
    getPublicServerInfo: async () => ({ body: { auth_method: 'local', setup_required: (await store.users.count()) === 0 } }),
    getServerInfo: () => ({ body: server.info() }),
  };
}
