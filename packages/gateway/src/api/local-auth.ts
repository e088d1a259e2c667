import { TOKEN_HEADER } from '@hoop/contract/routes/local-auth';
import type { Handlers } from './handler.ts';
import type { ApiParts } from './parts.ts';

export function localAuthHandlers({ login, tokens }: ApiParts): Pick<Handlers, 'register' | 'login'> {
  return {
    register: async ({ body, peer }) => {
      const user = await login.register(body, peer);
      return { body: { message: 'User registered' }, headers: { [TOKEN_HEADER]: await tokens.issue(user) } };
    },
    login: async ({ body, peer }) => {
      const user = await login.login(body.email, body.password, peer);
      return { body: { status: 'ok' }, headers: { [TOKEN_HEADER]: await tokens.issue(user) } };
    },
  };
}
