import { randomUUID } from 'node:crypto';
import type { SshKey } from '@hoop/contract/routes/ssh-keys';
import { parseUserKey } from '@hoop/protocols/ssh/user-key';
import type { SshKeyRow } from '@hoop/store/ssh-keys';
import { notFound, timeOf } from './failures.ts';
import { type Handlers, NO_BODY } from './handler.ts';
import type { ApiParts } from './parts.ts';

type Names = 'listSshKeys' | 'addSshKey' | 'deleteSshKey' | 'listSshKeysOfUser';

/** Users' own keys for SSH. */
export function sshKeyHandlers({ store }: ApiParts): Pick<Handlers, Names> {
  return {
    listSshKeys: async ({ identity }) => ({ body: { items: (await store.sshKeys.listOf(identity.userId)).map(toSshKey) } }),
    addSshKey: async ({ body, identity }) => {
      const { type, fingerprint, comment } = parseUserKey(body.public_key);
      const name = body.name ?? comment.replace(/\p{Cc}/gu, '').slice(0, NAME_CHARACTERS_MAX);
      return { body: toSshKey(await store.sshKeys.insert({ id: randomUUID(), userId: identity.userId, name, type, fingerprint })) };
    },
    deleteSshKey: async ({ params, identity }) => {
      const key = await store.sshKeys.get(params.ID);
      // Somebody else's is as good as none.
      if (!key || (key.userId !== identity.userId && !identity.isAdmin)) throw notFound('SSH key');
      await store.sshKeys.delete(key.id);
      return NO_BODY;
    },
    listSshKeysOfUser: async ({ params }) => {
      const user = await store.users.get(params.emailOrID);
      if (!user) throw notFound('user');
      return { body: { items: (await store.sshKeys.listOf(user.id)).map(toSshKey) } };
    },
  };
}

const NAME_CHARACTERS_MAX = 128;

function toSshKey({ id, userId, name, type, fingerprint, createdAt, usedAt }: SshKeyRow): SshKey {
  const used_at = usedAt === null ? null : timeOf(usedAt);
  return { id, user_id: userId, name, type, fingerprint, created_at: timeOf(createdAt), used_at };
}
