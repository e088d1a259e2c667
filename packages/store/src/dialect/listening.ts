import type { Log } from '@hoop/core/log';
import pg from 'pg';

/** How long after a connection was lost, or could not be made, the next one is tried. */
const AGAIN_MS = 500;

const CONNECT_MS_MAX = 10_000;

export interface ListenOptions {
  readonly uri: string;
  /** A plain identifier. */
  readonly channel: string;
  readonly log: Log;
  /** Somebody notified; also after each new connection, before which anything may have been missed. */
  onNotice(): void;
}

export interface Listener {
  close(): Promise<void>;
}

/** Listens on a PostgreSQL channel over a connection of its own, and connects again whenever that is lost. */
export function listen({ uri, channel, log, onNotice }: ListenOptions): Listener {
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const again = (lost: pg.Client, error?: Error): void => {
    if (closed || client !== lost) return;
    client = undefined;
    log.warn({ err: error }, 'The connection that listens for other gateways was lost; connecting again');
    void lost.end().catch(() => undefined);
    timer = setTimeout(() => void connect(), AGAIN_MS);
    timer.unref();
  };
  const connect = async (): Promise<void> => {
    const next = new pg.Client({
      connectionString: uri,
      application_name: 'hoop signals',
      connectionTimeoutMillis: CONNECT_MS_MAX,
      keepAlive: true,
    });
    client = next;
    next.on('notification', onNotice);
    next.on('error', (error) => again(next, error));
    next.on('end', () => again(next));
    try {
      await next.connect();
      await next.query(`listen ${channel}`);
      onNotice();
    } catch (error) {
      again(next, error instanceof Error ? error : undefined);
    }
  };
  void connect();
  return {
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await client?.end().catch(() => undefined);
    },
  };
}
