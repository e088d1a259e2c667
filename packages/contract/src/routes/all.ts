import type { Route } from '../route.ts';
import * as agents from './agents.ts';
import * as connections from './connections.ts';
import * as credentials from './credentials.ts';
import * as guardrailReplay from './guardrail-replay.ts';
import * as guardrails from './guardrails.ts';
import * as localAuth from './local-auth.ts';
import * as masking from './masking.ts';
import * as orgKeys from './org-keys.ts';
import * as reports from './reports.ts';
import * as resources from './resources.ts';
import * as reviews from './reviews.ts';
import * as server from './server.ts';
import * as serverLogs from './server-logs.ts';
import * as sessions from './sessions.ts';
import * as sshKeys from './ssh-keys.ts';
import * as users from './users.ts';

/** Every route of the API by its name; the name is the operation id in the OpenAPI document. */
export const routes = {
  getHealth: server.getHealth,
  getReadiness: server.getReadiness,
  getOpenApi: server.getOpenApi,
  getPublicServerInfo: server.getPublicServerInfo,
  getServerInfo: server.getServerInfo,
  listServerLogs: serverLogs.listServerLogs,

  register: localAuth.register,
  login: localAuth.login,

  getUserInfo: users.getUserInfo,
  listUsers: users.listUsers,
  createUser: users.createUser,
  getUser: users.getUser,
  updateUser: users.updateUser,
  deleteUser: users.deleteUser,
  listGroups: users.listGroups,
  createGroup: users.createGroup,
  deleteGroup: users.deleteGroup,

  listAgents: agents.listAgents,
  createAgent: agents.createAgent,
  getAgent: agents.getAgent,
  deleteAgent: agents.deleteAgent,

  getOrgKey: orgKeys.getOrgKey,
  createOrgKey: orgKeys.createOrgKey,
  deleteOrgKey: orgKeys.deleteOrgKey,

  listResources: resources.listResources,
  createResource: resources.createResource,
  getResource: resources.getResource,
  replaceResource: resources.replaceResource,
  deleteResource: resources.deleteResource,

  listConnections: connections.listConnections,
  createConnection: connections.createConnection,
  getConnection: connections.getConnection,
  replaceConnection: connections.replaceConnection,
  patchConnection: connections.patchConnection,
  deleteConnection: connections.deleteConnection,
  testConnection: connections.testConnection,

  createCredential: credentials.createCredential,
  getCredential: credentials.getCredential,
  revokeCredential: credentials.revokeCredential,
  closeCredential: credentials.closeCredential,
  listCredentials: credentials.listCredentials,

  listSshKeys: sshKeys.listSshKeys,
  addSshKey: sshKeys.addSshKey,
  deleteSshKey: sshKeys.deleteSshKey,
  listSshKeysOfUser: sshKeys.listSshKeysOfUser,

  reportMasking: reports.reportMasking,
  measureSessions: reports.measureSessions,

  listSessions: sessions.listSessions,
  execSession: sessions.execSession,
  getSession: sessions.getSession,
  getSessionResult: sessions.getSessionResult,
  killSession: sessions.killSession,

  listReviews: reviews.listReviews,
  getReview: reviews.getReview,
  decideReview: reviews.decideReview,

  listGuardrails: guardrails.listGuardrails,
  listRulePacks: guardrails.listRulePacks,
  testGuardrails: guardrails.testGuardrails,
  replayGuardrail: guardrailReplay.replayGuardrail,
  createGuardrail: guardrails.createGuardrail,
  getGuardrail: guardrails.getGuardrail,
  replaceGuardrail: guardrails.replaceGuardrail,
  deleteGuardrail: guardrails.deleteGuardrail,

  listMaskingRules: masking.listMaskingRules,
  createMaskingRule: masking.createMaskingRule,
  getMaskingRule: masking.getMaskingRule,
  replaceMaskingRule: masking.replaceMaskingRule,
  deleteMaskingRule: masking.deleteMaskingRule,
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;
