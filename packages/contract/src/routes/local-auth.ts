import { z } from 'zod';
import { route } from '../route.ts';
import { StatusReply } from './common.ts';

/** Header of the replies of register and login that carries the new token. */
export const TOKEN_HEADER = 'token';

export const Email = z.email().max(254);

/** At least 8 characters; the upper bound keeps one request from buying much hashing. */
export const NewPassword = z.string().min(8, 'Use at least 8 characters').max(256, 'Use at most 256 characters');

export const register = route({
  method: 'POST',
  path: '/localauth/register',
  summary: 'Makes the first user, who becomes admin; refused once there is a user. The token comes in the header Token',
  role: 'public',
  body: z.strictObject({ email: Email, password: NewPassword, name: z.string().max(254).default('') }),
  reply: z.object({ message: z.string() }),
  status: 201,
  audit: 'user.register',
});

export const login = route({
  method: 'POST',
  path: '/localauth/login',
  summary: 'Logs in with e-mail and password. The token comes in the header Token',
  role: 'public',
  body: z.strictObject({ email: z.string().min(1).max(254), password: z.string().min(1).max(256) }),
  reply: StatusReply,
  audit: 'user.login',
});
