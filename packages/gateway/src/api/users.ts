import type { User } from '@hoop/contract/routes/users';
import { Refusal } from '@hoop/core/errors';
import { ORG_ID } from '@hoop/store/org';
import type { Aggregates } from '@hoop/store/store';
import type { UserRow } from '@hoop/store/users';
import { type RoleGroups, roleOf } from '../identity/people.ts';
import { invalid, notFound } from './failures.ts';
import { type Handlers, NO_BODY } from './handler.ts';
import type { ApiParts } from './parts.ts';

type Names =
  | 'getUserInfo'
  | 'listUsers'
  | 'createUser'
  | 'getUser'
  | 'updateUser'
  | 'deleteUser'
  | 'listGroups'
  | 'createGroup'
  | 'deleteGroup';

export function userHandlers(parts: ApiParts): Pick<Handlers, Names> {
  return { ...readers(parts), ...writers(parts), ...groups(parts) };
}

function readers({ store, roles }: ApiParts): Pick<Handlers, 'getUserInfo' | 'listUsers' | 'getUser'> {
  return {
    getUserInfo: async ({ identity }) => {
      const user = await store.users.get(identity.userId);
      if (!user) throw notFound('user');
      const { isAdmin: is_admin, isAuditor: is_auditor } = identity;
      return { body: { ...toUser(user, roles), is_admin, is_auditor, ...OF_ORGANIZATION } };
    },
    listUsers: async () => ({ body: (await store.users.list()).map((user) => toUser(user, roles)) }),
    getUser: async ({ params }) => {
      const user = await store.users.get(params.emailOrID);
      if (!user) throw notFound('user');
      return { body: toUser(user, roles) };
    },
  };
}

function writers(parts: ApiParts): Pick<Handlers, 'createUser' | 'updateUser' | 'deleteUser'> {
  const { store, live, roles, passwords } = parts;
  return {
    createUser: async ({ body }) => {
      const { email, name = '', groups = [], status = 'active', password, slack_id: slackId = '', picture = '' } = body;
      const passwordHash = password === undefined ? undefined : await passwords.hash(password);
      const user = await store.users.create({ email, name, groups, status, slackId, picture, ...(passwordHash ? { passwordHash } : {}) });
      return { body: toUser(user, roles) };
    },
    updateUser: async ({ params, body, identity }) => {
      const { name, groups, status, slack_id: slackId, picture } = body;
      const passwordHash = body.password === undefined ? undefined : await passwords.hash(body.password);
      const patch = defined({ name, groups, status, slackId, picture, passwordHash });
      const user = await store.transaction(async (tx) => {
        const changed = await tx.users.update(params.emailOrID, patch);
        if (!changed) throw notFound('user');
        if (changed.id === identity.userId && changed.status !== 'active') throw invalid('status', 'You cannot deactivate yourself');
        await mustLeaveAnAdmin(tx, roles);
        return changed;
      });
      if (user.status !== 'active') live.endSessionsOfUser(user.id);
      return { body: toUser(user, roles) };
    },
    deleteUser: async ({ params, identity }) => {
      const deleted = await store.transaction(async (tx) => {
        const user = await tx.users.get(params.emailOrID);
        if (!user) throw notFound('user');
        if (user.id === identity.userId) throw invalid('emailOrID', 'You cannot delete yourself');
        await tx.users.delete(user.id);
        return user;
      });
      live.endSessionsOfUser(deleted.id);
      return NO_BODY;
    },
  };
}

function groups({ store, roles }: ApiParts): Pick<Handlers, 'listGroups' | 'createGroup' | 'deleteGroup'> {
  return {
    listGroups: async () => ({ body: [...(await store.users.listGroups())] }),
    createGroup: async ({ body }) => {
      await store.users.createGroup(body.name);
      return { body: { name: body.name } };
    },
    deleteGroup: async ({ params }) => {
      if (params.name === roles.adminGroup) throw invalid('name', 'The group of the administrators cannot be deleted');
      if (!(await store.users.deleteGroup(params.name))) throw notFound('group');
      return NO_BODY;
    },
  };
}

/** Without an active administrator nobody could ever put it right. */
async function mustLeaveAnAdmin(tx: Aggregates, roles: RoleGroups): Promise<void> {
  const users = await tx.users.list();
  if (users.some((user) => user.status === 'active' && user.groups.includes(roles.adminGroup))) return;
  throw new Refusal('last_admin', `This would leave no active member of the group ${roles.adminGroup}. Add another one first`);
}

export function toUser(user: UserRow, roles: RoleGroups): User {
  return {
    id: user.id,
    name: user.name,
    email: user.email,
    status: user.status === 'active' || user.status === 'invited' ? user.status : 'inactive',
    verified: user.verified,
    role: roleOf(user.groups, roles),
    slack_id: user.slackId,
    picture: user.picture,
    groups: [...user.groups],
  };
}

/** Without the entries that are undefined: they mean “as it is”. */
export function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

const OF_ORGANIZATION = {
  is_multitenant: false,
  tenancy_type: 'selfhosted',
  org_id: ORG_ID,
  org_name: 'default',
  org_license: '',
  feature_ask_ai: 'unavailable',
  webapp_users_management: 'on',
} as const;
