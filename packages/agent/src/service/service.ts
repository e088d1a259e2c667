import type { Variables } from './env-file.ts';

/** What the service is called, whoever runs it. */
export const SERVICE = 'hoop-agent';

/** The machine that a service is installed on, as the process sees it. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly uid: number;
  readonly home: string;
  /** `XDG_CONFIG_HOME`; `~/.config` when undefined. */
  readonly configHome: string | undefined;
  /** Where the definitions and keys of the whole system go: `/etc`. */
  readonly etc: string;
  /** Whether the service manager that belongs to the platform runs here. */
  readonly isManaged: boolean;
  /** What the manager's programs are run with. */
  readonly env: NodeJS.ProcessEnv;
}

/** What is to run. */
export interface Installation {
  /** This very program, as absolute paths: Node.js, its flags, the entry, and what comes behind it. */
  readonly command: readonly string[];
  readonly variables: Variables;
}

export interface Started {
  /** `unchanged`: it ran already with just these settings, and was left alone. */
  readonly change: 'installed' | 'updated' | 'restarted' | 'unchanged';
  /** What its owner should know. */
  readonly hints: readonly string[];
}

export interface ServiceStatus {
  readonly installed: boolean;
  /** It starts by itself: at login, or with the machine. */
  readonly enabled: boolean;
  readonly running: boolean;
  /** Undefined where nobody can tell. */
  readonly linked: boolean | undefined;
  /** What the agent says of its link, or why it does not run. */
  readonly message: string;
  /** When it was started last, RFC 3339. */
  readonly since: string | undefined;
  readonly pid: number | undefined;
  readonly definition: string;
}

export interface Logs {
  /** How many of the last lines; all that are usual when undefined. */
  readonly lines?: number;
  readonly follow: boolean;
}

/** The agent as a service of this machine. Every method throws Misconfigured `service_manager` with what the manager said. */
export interface AgentService {
  /** What the service got from its last `start`; undefined when there was none. */
  stored(): Record<string, string> | undefined;
  /** Installs or updates it, lets it start by itself from now on, and starts it. Doing it twice does it once. */
  start(installation: Installation): Promise<Started>;
  /** Stops it, and lets it not start by itself. Resolves with false when there is none. */
  stop(): Promise<boolean>;
  /** Stops it and deletes definition and key. Resolves with false when there was none. */
  remove(): Promise<boolean>;
  status(): Promise<ServiceStatus>;
  /** The program that shows the logs, for the terminal that it is given. */
  logs(wish: Logs): readonly [program: string, ...args: string[]];
}
