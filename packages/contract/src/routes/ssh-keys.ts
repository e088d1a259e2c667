import { z } from 'zod';
import { route } from '../route.ts';
import { Id, Time } from './common.ts';

/** A public key with which a user may log in over SSH. The key itself is not kept. */
export const SshKey = z.object({
  id: z.string(),
  user_id: z.string(),
  name: z.string(),
  /** Such as `ssh-ed25519`. */
  type: z.string(),
  /** As `ssh-keygen -l` shows it. */
  fingerprint: z.string(),
  created_at: Time,
  /** Of the last login; null: never. */
  used_at: Time.nullable(),
});
export type SshKey = z.infer<typeof SshKey>;

export const listSshKeys = route({
  method: 'GET',
  path: '/users/me/ssh-keys',
  summary: 'The caller’s own SSH keys',
  role: 'all',
  reply: z.object({ items: z.array(SshKey) }),
});

export const addSshKey = route({
  method: 'POST',
  path: '/users/me/ssh-keys',
  summary:
    'Registers a public key of the caller’s: it logs in to every SSH connection that the caller may use. Ed25519, ECDSA, or RSA from 2048 bits on',
  role: 'user',
  body: z.strictObject({
    /** The line of a file such as `id_ed25519.pub`. */
    public_key: z.string().min(1).max(16_384),
    /** Absent: the comment in the line. */
    name: z
      .string()
      .max(128)
      .regex(/^[^\p{Cc}]*$/u, 'Leave out control characters')
      .optional(),
  }),
  reply: SshKey,
  status: 201,
  audit: 'sshkey.add',
});

export const deleteSshKey = route({
  method: 'DELETE',
  path: '/users/me/ssh-keys/:ID',
  summary: 'Removes a key; sessions that came in with it end at once. An admin may remove anybody’s',
  role: 'all',
  params: z.object({ ID: Id }),
  status: 204,
  audit: 'sshkey.delete',
});

export const listSshKeysOfUser = route({
  method: 'GET',
  path: '/users/:emailOrID/ssh-keys',
  summary: 'A user’s SSH keys',
  role: 'admin',
  params: z.object({ emailOrID: z.string().min(1).max(254) }),
  reply: z.object({ items: z.array(SshKey) }),
});
