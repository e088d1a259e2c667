import type { Handlers } from './handler.ts';
import type { ApiParts } from './parts.ts';

export function serverLogHandlers({ logs }: ApiParts): Pick<Handlers, 'listServerLogs'> {
  return {
    listServerLogs: ({ query }) => {
      const { agent, level, since, limit } = query;
      return { body: logs.list({ agent, level, limit, since: since === undefined ? undefined : Date.parse(since) }) };
    },
  };
}
