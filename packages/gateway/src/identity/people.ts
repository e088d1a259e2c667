import type { Identity } from '@hoop/core/identity';
import type { UserRow } from '@hoop/store/users';

/** Names of the groups whose members are more than standard users. */
export interface RoleGroups {
  readonly adminGroup: string;
  readonly auditorGroup: string;
}

export type RoleName = 'admin' | 'auditor' | 'standard';

/** The identity of a user, with the groups of this moment. */
export function identityOf(user: UserRow, roles: RoleGroups): Identity {
  return {
    userId: user.id,
    email: user.email,
    name: user.name,
    groups: user.groups,
    isAdmin: user.groups.includes(roles.adminGroup),
    isAuditor: user.groups.includes(roles.auditorGroup),
  };
}

/** One word for the strongest role. */
export function roleOf(groups: readonly string[], roles: RoleGroups): RoleName {
  if (groups.includes(roles.adminGroup)) return 'admin';
  return groups.includes(roles.auditorGroup) ? 'auditor' : 'standard';
}
