import { protocolOf } from '@hoop/core/connection';
import { Refusal } from '@hoop/core/errors';
import type { Identity } from '@hoop/core/identity';
import type { CertifiedAttempt } from '@hoop/core/protocol';
import type { ConnectionRow } from '@hoop/store/connections';
import type { Aggregates } from '@hoop/store/store';
import { identityOf, type RoleGroups } from './people.ts';

export interface CertifiedSources {
  readonly store: Pick<Aggregates, 'users' | 'connections'>;
  readonly roles: RoleGroups;
}

/**
 * Whom a certificate of a trusted authority lets in: the user whose e-mail address is its only principal that anybody here has,
 * to the connection that the client names.
 * @throws Refusal `unauthenticated`, `access_mode_disabled`
 */
export async function certifiedUser(
  { store, roles }: CertifiedSources,
  { principals, user: name }: CertifiedAttempt,
  protocol: string,
): Promise<{ readonly identity: Identity; readonly connection: ConnectionRow }> {
  const found = await Promise.all(principals.filter((principal) => principal.includes('@')).map((email) => store.users.get(email)));
  const users = found.filter((user) => user?.status === 'active');
  const [user] = users;
  const connection = await store.connections.get(name);
  const isOurs = connection !== undefined && protocolOf(connection.type, connection.subtype) === protocol;
  // One answer for all: who has a certificate need not learn which connections there are.
  if (!user || users.length > 1 || !isOurs) {
    throw new Refusal('unauthenticated', `This certificate lets nobody in to ${name}: its principal must be your e-mail address here`);
  }
  if (!connection.accessModes.connect)
    throw new Refusal('access_mode_disabled', `Native access to ${name} is switched off. Ask an administrator`);
  return { identity: identityOf(user, roles), connection };
}
