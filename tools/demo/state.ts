import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** What one start of the demo must know of the one before. Kept in a file that only its owner can read. */
export interface State {
  readonly email: string;
  readonly password: string;
  /** Of PostgreSQL's superuser, and of the role that owns the demo database. */
  readonly adminPassword: string;
  readonly databasePassword: string;
  /** Of the only user of the MariaDB server. */
  readonly mariadbPassword: string;
  readonly ports: Readonly<Partial<Record<PortName, number>>>;
  /** Secrets for native clients, by connection. */
  readonly credentials: Readonly<Record<string, StoredCredential>>;
  /** Fingerprints of the settings that connections were made with, by name: one that did not change is left alone. */
  readonly told: Readonly<Record<string, string>>;
}

/** Listeners of the gateway; `native` is PostgreSQL's. */
export type ListenerName = 'api' | 'agents' | 'native' | 'mysql' | 'ssh' | 'http';

/** What the gateway leads to. */
export type TargetName = 'postgres' | 'mariadb' | 'sshd' | 'web';

export type PortName = ListenerName | TargetName;

export interface StoredCredential {
  readonly id: string;
  readonly secret: string;
}

/** A new password: 144 random bits, in letters that no shell and no URL has to quote. */
export function newPassword(): string {
  return randomBytes(18).toString('base64url');
}

export function readState(file: string): State {
  const fresh: State = {
    email: 'admin@example.com',
    password: newPassword(),
    adminPassword: newPassword(),
    databasePassword: newPassword(),
    mariadbPassword: newPassword(),
    ports: {},
    credentials: {},
    told: {},
  };
  try {
    return { ...fresh, ...(JSON.parse(readFileSync(file, 'utf8')) as Partial<State>) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new Error(`${file} cannot be read (${(error as Error).message}). Remove it to begin anew`, { cause: error });
    }
    return fresh;
  }
}

/** Writes a file that only its owner can read, whole or not at all. */
export function writePrivate(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const half = `${file}.${process.pid}`;
  writeFileSync(half, text, { mode: 0o600 });
  renameSync(half, file);
}
