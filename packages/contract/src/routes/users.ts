import { z } from 'zod';
import { route } from '../route.ts';
import { readOnly } from './common.ts';
import { Email, NewPassword } from './local-auth.ts';

export const GroupName = z
  .string()
  .min(1)
  .max(254)
  .regex(/^[^\p{Cc}/]+$/u, 'Leave out slashes and control characters');

const Groups = z.array(GroupName).max(100);

export const User = z.object({
  id: z.string(),
  name: z.string(),
  email: z.string(),
  status: z.enum(['active', 'inactive', 'invited']),
  verified: z.boolean(),
  role: z.enum(['admin', 'auditor', 'standard']),
  slack_id: z.string(),
  picture: z.string(),
  groups: z.array(z.string()),
});
export type User = z.infer<typeof User>;

export const UserInfo = User.extend({
  is_admin: z.boolean(),
  is_auditor: z.boolean(),
  is_multitenant: z.boolean(),
  tenancy_type: z.enum(['selfhosted', 'multitenant']),
  org_id: z.string(),
  org_name: z.string(),
  org_license: z.string(),
  feature_ask_ai: z.enum(['unavailable', 'enabled', 'disabled']),
  webapp_users_management: z.enum(['on', 'off']),
});
export type UserInfo = z.infer<typeof UserInfo>;

export const getUserInfo = route({
  method: 'GET',
  path: '/userinfo',
  summary: 'Who the caller is',
  role: 'all',
  reply: UserInfo,
});

const UserParams = z.object({ emailOrID: z.string().min(1).max(254) });

const writable = {
  name: z.string().max(254).optional(),
  status: z.enum(['active', 'inactive']).optional(),
  groups: Groups.optional(),
  slack_id: z.string().max(254).optional(),
  picture: z.string().max(2048).optional(),
};

const ignored = { id: readOnly, verified: readOnly, role: readOnly };

export const listUsers = route({
  method: 'GET',
  path: '/users',
  summary: 'Lists users',
  role: 'all',
  reply: z.array(User),
});

export const createUser = route({
  method: 'POST',
  path: '/users',
  summary: 'Creates a user; with a password the user can log in at once',
  role: 'admin',
  body: z.strictObject({ ...ignored, ...writable, email: Email, password: NewPassword.optional() }),
  reply: User,
  status: 201,
  audit: 'user.create',
});

export const getUser = route({
  method: 'GET',
  path: '/users/:emailOrID',
  summary: 'Gets a user',
  role: 'all',
  params: UserParams,
  reply: User,
});

export const updateUser = route({
  method: 'PUT',
  path: '/users/:emailOrID',
  summary: 'Updates a user; fields that are left out keep their value. An inactive user is out at once',
  role: 'admin',
  params: UserParams,
  body: z.strictObject({ ...ignored, ...writable, email: readOnly, password: NewPassword.optional() }),
  reply: User,
  audit: 'user.update',
});

export const deleteUser = route({
  method: 'DELETE',
  path: '/users/:emailOrID',
  summary: 'Deletes a user, with the credentials and open sessions',
  role: 'admin',
  params: UserParams,
  status: 204,
  audit: 'user.delete',
});

export const listGroups = route({
  method: 'GET',
  path: '/users/groups',
  summary: 'Lists group names',
  role: 'all',
  reply: z.array(z.string()),
});

export const createGroup = route({
  method: 'POST',
  path: '/users/groups',
  summary: 'Creates a group',
  role: 'admin',
  body: z.strictObject({ name: GroupName }),
  reply: z.object({ name: z.string() }),
  status: 201,
  audit: 'group.create',
});

export const deleteGroup = route({
  method: 'DELETE',
  path: '/users/groups/:name',
  summary: 'Deletes a group and everybody’s membership of it; the admin group stays',
  role: 'admin',
  params: z.object({ name: z.string().min(1).max(254) }),
  status: 204,
  audit: 'group.delete',
});
