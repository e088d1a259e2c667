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
  readonly ports: Readonly<Partial<Record<PortName, number>>>;
  readonly credential?: StoredCredential;
  /** Port that the connection's secrets name. */
  readonly connectionPort?: number;
}

export type PortName = 'api' | 'agents' | 'native' | 'postgres';

export interface StoredCredential {
  readonly id: string;
  readonly secret: string;
}

/** A new password: 144 random bits, in letters that no shell and no URL has to quote. */
export function newPassword(): string {
  return randomBytes(18).toString('base64url');
}

export function readState(file: string): State {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as State;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new Error(`${file} cannot be read (${(error as Error).message}). Remove it to begin anew`, { cause: error });
    }
    return {
      email: 'admin@example.com',
      password: newPassword(),
      adminPassword: newPassword(),
      databasePassword: newPassword(),
      ports: {},
    };
  }
}

/** Writes a file that only its owner can read, whole or not at all. */
export function writePrivate(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const half = `${file}.${process.pid}`;
  writeFileSync(half, text, { mode: 0o600 });
  renameSync(half, file);
}
