import type { Effect } from '../facts.ts';
import { isTree, listAt, type Tree, textAt, treeAt, unwrap } from './tree.ts';

/** Statements whose name does not say what they do. */
const EFFECTS_OF: Readonly<Record<string, readonly Effect[]>> = {
  TruncateStmt: ['truncate'],
  ViewStmt: ['create'],
  IndexStmt: ['create'],
  RuleStmt: ['create'],
  DefineStmt: ['create'],
  CompositeTypeStmt: ['create'],
  ImportForeignSchemaStmt: ['create'],
  RenameStmt: ['alter'],
  CommentStmt: ['alter'],
  SecLabelStmt: ['alter'],
  ReindexStmt: ['other'],
  ClusterStmt: ['other'],
  VacuumStmt: ['other'],
  RefreshMatViewStmt: ['other'],
  LoadStmt: ['program'],
  CallStmt: ['call'],
  LockStmt: ['lock'],
  TransactionStmt: ['transaction'],
  ConstraintsSetStmt: ['set'],
  DiscardStmt: ['set'],
  VariableShowStmt: ['show'],
  FetchStmt: ['select'],
  DeclareCursorStmt: [],
  AlterSystemStmt: ['alter', 'set'],
  AlterDatabaseSetStmt: ['alter', 'set'],
  AlterRoleSetStmt: ['alter', 'set'],
  AlterDefaultPrivilegesStmt: ['grant'],
  CreateRoleStmt: ['create', 'grant'],
  AlterRoleStmt: ['alter', 'grant'],
  DropRoleStmt: ['drop', 'revoke'],
  CreateUserMappingStmt: ['create', 'grant'],
  AlterUserMappingStmt: ['alter', 'grant'],
  CreatePolicyStmt: ['create', 'grant'],
  AlterPolicyStmt: ['alter', 'grant'],
  ReassignOwnedStmt: ['alter', 'grant'],
  DropOwnedStmt: ['drop', 'revoke'],
  AlterOwnerStmt: ['alter', 'grant'],
};

/** What a statement that defines, allows or maintains does, by the name of its node. */
export function effectOfUtility(type: string, node: Tree): readonly Effect[] {
  if (type === 'GrantStmt' || type === 'GrantRoleStmt') return [node.is_grant === true ? 'grant' : 'revoke'];
  if (type === 'CreateTableAsStmt') return ['create'];
  if (type === 'AlterTableStmt')
    return ['alter', ...(has(node, RIGHTS) ? (['grant'] as const) : []), ...(has(node, DROPS) ? (['drop'] as const) : [])];
  const known = EFFECTS_OF[type];
  if (known) return known;
  if (type.startsWith('Create')) return ['create'];
  if (type.startsWith('Alter')) return ['alter'];
  if (type.startsWith('Drop')) return ['drop'];
  return ['other'];
}

const RIGHTS = /^AT_(ChangeOwner|(Enable|Disable|Force|NoForce)RowSecurity)$/;
/** What stood in it is gone. */
const DROPS = /^AT_DropColumn$/;

function has(node: Tree, wanted: RegExp): boolean {
  return listAt(node, 'cmds').some((each) => {
    const command = treeAt(isTree(each) ? each : undefined, 'AlterTableCmd') ?? unwrap(each)?.node;
    return wanted.test(textAt(command, 'subtype') ?? '');
  });
}
