import { z } from 'zod';
import { route } from '../route.ts';
import { Id, NameOrIdParams, Time } from './common.ts';

/** How long a credential lives when nothing is said, in seconds. */
export const CREDENTIAL_SECONDS_DEFAULT = 1_800;
export const CREDENTIAL_SECONDS_MIN = 60;
export const CREDENTIAL_SECONDS_MAX = 172_800;

/** What a database client has to be given. */
export const DatabaseAccess = z.object({
  hostname: z.string(),
  port: z.string(),
  /** The connection's name: user names land in logs and prompts, so the secret is in the password. */
  username: z.string(),
  /** The secret; shown only in the reply that minted it. */
  password: z.string(),
  database_name: z.string(),
  connection_string: z.string(),
  /** The secret once more, under the name that HTTP clients look for. */
  proxy_token: z.string().optional(),
  /** What to type, where the client is a command; of HTTP JSON with `curl` and `browser`. */
  command: z.string().optional(),
  /** What the gateway proves itself with, where clients must know it: a line for known_hosts. */
  known_host: z.string().optional(),
});
export type DatabaseAccess = z.infer<typeof DatabaseAccess>;

const Envelope = z.object({
  id: z.string(),
  connection_name: z.string(),
  connection_type: z.string(),
  connection_subtype: z.string(),
  /** Sessions that come in with the credential carry this as `credential_id`; until then there is none. */
  session_id: z.string(),
  has_review: z.literal(false),
  created_at: Time,
  expire_at: Time.nullable(),
});

export const Credential = Envelope.extend({ connection_credentials: DatabaseAccess });
export type Credential = z.infer<typeof Credential>;

const CredentialParams = NameOrIdParams.extend({ ID: Id });

export const createCredential = route({
  method: 'POST',
  path: '/connections/:nameOrID/credentials',
  summary: 'Mints a new secret for native clients; it works until it expires or is revoked, and is shown this one time',
  role: 'user',
  params: NameOrIdParams,
  body: z.strictObject({
    access_duration_seconds: z.number().int().min(CREDENTIAL_SECONDS_MIN).max(CREDENTIAL_SECONDS_MAX).default(CREDENTIAL_SECONDS_DEFAULT),
  }),
  reply: Credential,
  status: 201,
  audit: 'credential.create',
});

export const getCredential = route({
  method: 'GET',
  path: '/connections/:nameOrID/credentials',
  summary: 'The caller’s newest live credential of this connection, without its secret',
  role: 'user',
  params: NameOrIdParams,
  reply: Envelope.extend({ connection_credentials: DatabaseAccess.omit({ password: true, connection_string: true }) }),
});

export const revokeCredential = route({
  method: 'POST',
  path: '/connections/:nameOrID/credentials/:ID/revoke',
  summary: 'Kills a credential; sessions that came in with it end at once. Owner or admin',
  role: 'user',
  params: CredentialParams,
  status: 204,
  audit: 'credential.revoke',
});

export const closeCredential = route({
  method: 'POST',
  path: '/connections/:nameOrID/credentials/:ID/close',
  summary: 'Ends the sessions that came in with a credential; the secret goes on working. Owner or admin',
  role: 'user',
  params: CredentialParams,
  status: 204,
  audit: 'credential.close',
});

export const listCredentials = route({
  method: 'GET',
  path: '/connection-credentials',
  summary: 'The caller’s live credentials, without secrets',
  role: 'user',
  reply: z.object({
    items: z.array(
      z.object({
        id: z.string(),
        connection_id: z.string(),
        connection_name: z.string(),
        connection_type: z.string(),
        connection_subtype: z.string(),
        session_id: z.string(),
        expire_at: Time.nullable(),
        created_at: Time,
      }),
    ),
  }),
});
