import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writePrivate } from './private-file.ts';

/** A login as `auth.json` keeps it. */
export interface Login {
  readonly token: string;
  /** RFC 3339. */
  readonly expiresAt: string;
  readonly email?: string;
  /** The gateway that gave the token: it goes to no other. */
  readonly apiUrl: string;
}

/** A token this close to its end is not used any more: a call may take as long. */
const EXPIRY_SKEW_MS = 60_000;

/** A token that does not say when it ends is taken to live this long. */
const LIFETIME_MS_DEFAULT = 24 * 3_600_000;

function pathOf(home: string): string {
  return join(home, 'auth.json');
}

/** The login; undefined where there is none, or where the file is damaged, which is as good as none. */
export function loadLogin(home: string): Login | undefined {
  const path = pathOf(home);
  if (!existsSync(path)) return undefined;
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return isLogin(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps a login, 0600. What it says of itself is taken from the token, which only the gateway can check. */
export function saveLogin(home: string, token: string, apiUrl: string, now_ms: number): Login {
  const claims = claimsOf(token);
  const expiry_ms = typeof claims.exp === 'number' ? claims.exp * 1_000 : now_ms + LIFETIME_MS_DEFAULT;
  const login: Login = {
    token,
    expiresAt: new Date(expiry_ms).toISOString(),
    ...(typeof claims.email === 'string' ? { email: claims.email } : {}),
    apiUrl,
  };
  writePrivate(pathOf(home), `${JSON.stringify(login, null, 2)}\n`);
  return login;
}

export function isExpired(login: Login, now_ms: number): boolean {
  return Date.parse(login.expiresAt) - EXPIRY_SKEW_MS <= now_ms;
}

/** Forgets the login and everything that was got with it. False when there was nothing. */
export function clearLogin(home: string): boolean {
  const had = existsSync(pathOf(home));
  rmSync(pathOf(home), { force: true });
  for (const folder of ['sessions', 'kube', 'askpass']) {
    const path = join(home, folder);
    if (!existsSync(path)) continue;
    for (const file of readdirSync(path)) rmSync(join(path, file), { force: true, recursive: true });
  }
  return had;
}

function isLogin(value: unknown): value is Login {
  if (typeof value !== 'object' || value === null) return false;
  const { token, expiresAt, apiUrl } = value as Partial<Record<keyof Login, unknown>>;
  return typeof token === 'string' && typeof apiUrl === 'string' && typeof expiresAt === 'string' && !Number.isNaN(Date.parse(expiresAt));
}

function claimsOf(token: string): { readonly exp?: unknown; readonly email?: unknown } {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null ? claims : {};
  } catch {
    return {};
  }
}
