import type { RouteRole } from '@hoop/contract/route';
import { Refusal } from '@hoop/core/errors';
import type { Identity } from '@hoop/core/identity';

/** @throws Refusal `forbidden` when the identity's role may not call a route of this kind */
export function checkRole(role: RouteRole, identity: Identity): void {
  if (identity.isAdmin || role === 'public' || role === 'all') return;
  if (role === 'user' && !identity.isAuditor) return;
  if (role === 'admin-or-auditor' && identity.isAuditor) return;
  throw new Refusal('forbidden', `Your role does not allow this: ${NEEDS[role]}`);
}

const NEEDS = {
  admin: 'it is for administrators',
  'admin-or-auditor': 'it is for administrators and auditors',
  user: 'auditors may look and not act',
} as const;
