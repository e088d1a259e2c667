import type { AuditEvent } from '@hoop/contract/audit';
import type { AgentHello } from '@hoop/contract/tunnel';
import type { Identity } from '@hoop/core/identity';
import type { Protocol } from '@hoop/core/protocol';
import type { AuditLog } from '@hoop/store/audit/audit-log';

/** Where a request came in. */
export type Origin = 'cli' | 'webapp' | 'api' | 'native';

/** Which agents are linked to this gateway now. */
export interface AgentDirectory {
  /** Whether somebody can serve this agent's connections, or the one of this name. */
  isOnline(agentId: string, connection?: string): boolean;
  describe(agentId: string): AgentHello | undefined;
  /** Ends the links of an agent and every session on them. */
  disconnect(agentId: string, reason: string): void;
  online(): readonly string[];
}

export interface ExecRequest {
  /** Minted by the caller, so that it can be told while the script still runs. */
  readonly sessionId: string;
  /** The connection's name or id. */
  readonly connection: string;
  readonly script: string;
  readonly origin: Origin;
  readonly signal?: AbortSignal;
  readonly labels?: Readonly<Record<string, string>>;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly correlationId?: string;
  readonly batchId?: string;
}

export interface ExecResult {
  readonly sessionId: string;
  readonly output: Buffer;
  readonly outputStatus: 'success' | 'failed' | 'blocked';
  readonly exitCode: number;
  readonly truncated: boolean;
  readonly executionTimeMs: number;
}

/** Runs sessions and ends them. */
export interface SessionEngine {
  execute(identity: Identity, request: ExecRequest): Promise<ExecResult>;
  /** False when no such session is open in this gateway. */
  kill(sessionId: string, by: Identity): boolean;
  /** Ends the live sessions that came in with a credential. */
  revokeCredential(credentialId: string): void;
  /** Logs in to a connection's target through its agent. @throws AppError with why that failed */
  probe(connectionName: string): Promise<void>;
  liveCount(): number;
}

/** The sessions that are open in this gateway, told when the ground under them changes. */
export interface LiveSessions {
  endSessionsOfUser(userId: string): void;
  endSessionsOfConnection(connectionId: string): void;
  /** Sessions of these connections, of all when undefined, are judged by the rules as they stand now. */
  policyChanged(connectionIds: readonly string[] | undefined): Promise<void>;
}

/** The audit records of a session, in the order in which they were written. */
export interface AuditReader {
  actionsOf(session: string): AsyncIterable<{ readonly at_ms: number; readonly event: AuditEvent }>;
}

/** What happened in all sessions whose records this gateway has, in the order in which it was written. */
export type ActionHistory = Pick<AuditLog, 'eventsSince' | 'bytesSince' | 'recordAt'>;

/** What the API has to know of a protocol. */
export type ProtocolTraits = Pick<
  Protocol,
  'name' | 'abilities' | 'settings' | 'ports' | 'needsCommand' | 'transcript' | 'showsTerminals' | 'dialect' | 'carries'
>;

/** The protocols of this release by name. */
export interface ProtocolDirectory {
  get(name: string): ProtocolTraits | undefined;
}

/** How clients reach a native listener, as credentials tell it; undefined where it does not run. */
export type NativeAddressOf = (protocol: string) => { readonly host: string; readonly port: number } | undefined;
