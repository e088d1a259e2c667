import type { OpenMessage } from '@hoop/contract/tunnel';

/** What an agent beside an application knows of its connection, and tells nobody. */
export interface OwnConnection {
  readonly name: string;
  /** Of the target; they never left this process. */
  readonly settings: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  /** The application's, for commands. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where the application was started. */
  readonly cwd: string;
}

/** What a session works with: for the agent's own connection what it knows itself goes over what the gateway sent. */
export function ownSettings(
  own: OwnConnection | undefined,
  { connection, protocol }: Pick<OpenMessage, 'connection' | 'protocol'>,
  sent: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  if (!own) return sent;
  const base = protocol === 'terminal' ? own.environment : {};
  return { ...base, ...sent, ...(connection === own.name ? own.settings : {}) };
}
