import { createHash, timingSafeEqual } from 'node:crypto';
import { AppError } from '@hoop/core/errors';
import { isLoopback } from './address.ts';
import type { GatewayConfig } from './config.ts';
import type { Authenticator } from './identity/authenticator.ts';

/**
 * Who may read `/metrics`: anybody while the gateway's own address is this machine's, else who has the `METRICS_TOKEN`,
 * and administrators and auditors.
 */
export function scrapeGuard(config: GatewayConfig, authenticator: Authenticator): (header: string | undefined) => Promise<boolean> {
  const isLocal = isLoopback(config.apiListen.host) && (config.apiUrl === undefined || isLoopback(new URL(config.apiUrl).hostname));
  return async (header) => {
    if (isLocal) return true;
    const token = config.metricsToken?.reveal();
    if (token !== undefined && isSame(header ?? '', `Bearer ${token}`)) return true;
    try {
      const identity = await authenticator.fromBearer(header);
      return identity.isAdmin || identity.isAuditor;
    } catch (error) {
      if (error instanceof AppError && error.code === 'unauthenticated') return false;
      throw error;
    }
  };
}

/** In a time that does not tell how much of it was right. */
function isSame(one: string, other: string): boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(one), hash(other));
}
