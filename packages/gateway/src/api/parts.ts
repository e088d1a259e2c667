import type { AgentDsn } from '@hoop/contract/agent-key';
import type { ServerInfo } from '@hoop/contract/routes/server';
import type { Clock } from '@hoop/core/clock';
import type { Log } from '@hoop/core/log';
import type { Store } from '@hoop/store/store';
import type { CredentialService } from '../identity/credentials.ts';
import type { LocalLogin } from '../identity/local-login.ts';
import type { Passwords } from '../identity/passwords.ts';
import type { RoleGroups } from '../identity/people.ts';
import type { TokenService } from '../identity/tokens.ts';
import type {
  ActionHistory,
  AgentDirectory,
  AuditReader,
  LiveSessions,
  NativeAddressOf,
  ProtocolDirectory,
  SessionEngine,
} from '../ports.ts';
import type { Readiness } from '../readiness.ts';
import type { ReviewDesk } from '../reviews.ts';
import type { ServerLogs } from '../server-logs.ts';

/** Everything that handlers work with. */
export interface ApiParts {
  readonly store: Store;
  readonly hub: AgentDirectory;
  readonly engine: SessionEngine;
  readonly live: LiveSessions;
  readonly audit: AuditReader;
  readonly history: ActionHistory;
  readonly protocols: ProtocolDirectory;
  readonly tokens: TokenService;
  readonly login: LocalLogin;
  readonly passwords: Passwords;
  readonly credentials: CredentialService;
  readonly roles: RoleGroups;
  readonly reviews: ReviewDesk;
  readonly readiness: Readiness;
  readonly clock: Clock;
  readonly log: Log;
  readonly logs: ServerLogs;
  /** Of this gateway process. */
  readonly gatewayId: string;
  readonly server: ServerFacts;
  readonly nativeAddressOf: NativeAddressOf;
}

/** What stands about the gateway itself; addresses are known once it listens. */
export interface ServerFacts {
  info(): ServerInfo;
  /**
   * What a new agent's key says besides its name and secret: where the tunnel's port is, or the API for those who get out by HTTP only.
   * @throws Refusal `invalid` for HTTP where the API's address has a path, which no key can say
   */
  agentDsn(transport: 'grpc' | 'http'): Pick<AgentDsn, 'scheme' | 'host' | 'port' | 'pin'>;
}
