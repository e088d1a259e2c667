import { protocolOf } from '@hoop/core/connection';
import { Refusal } from '@hoop/core/errors';
import type { Identity } from '@hoop/core/identity';
import type { KeyAttempt } from '@hoop/core/protocol';
import type { ConnectionRow } from '@hoop/store/connections';
import type { Aggregates } from '@hoop/store/store';
import { identityOf, type RoleGroups } from './people.ts';

export interface KeySources {
  readonly store: Pick<Aggregates, 'users' | 'connections' | 'sshKeys'>;
  readonly roles: RoleGroups;
}

/** Who came in with a key of their own, and to what. */
export interface KeyedUser {
  readonly identity: Identity;
  readonly connection: ConnectionRow;
  readonly sshKeyId: string;
}

/**
 * Whom a key lets in: the user who registered it, to the connection that the client names. Asked of the store at each login, so that a
 * removed key, a deactivated user and a switched-off connection hold at once.
 * @throws Refusal `unauthenticated`, `access_mode_disabled`
 */
export async function keyedUser(
  { store, roles }: KeySources,
  { user: name, fingerprint, isProven }: KeyAttempt,
  protocol: string,
): Promise<KeyedUser> {
  const key = await store.sshKeys.byFingerprint(fingerprint);
  const [user, connection] = await Promise.all([key && store.users.get(key.userId), store.connections.get(name)]);
  const isOurs = connection !== undefined && protocolOf(connection.type, connection.subtype) === protocol;
  // One answer for all: who has a key need not learn which connections there are.
  if (!key || user?.status !== 'active' || !isOurs)
    throw new Refusal(
      'unauthenticated',
      `This key lets nobody in to ${name}. Register it with \`hoop ssh-keys add\`, and see \`hoop list\``,
    );
  if (!connection.accessModes.connect)
    throw new Refusal('access_mode_disabled', `Native access to ${name} is switched off. Ask an administrator`);
  if (isProven) await store.sshKeys.used(key.id);
  return { identity: identityOf(user, roles), connection, sshKeyId: key.id };
}
