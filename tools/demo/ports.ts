import { createServer } from 'node:net';

/** A port that was asked for, and the one to use. */
export interface Choice {
  readonly port: number;
  /** What stands here instead, when the wanted one is taken. */
  readonly taken?: number;
}

/**
 * Picks ports, all different: of each list the first that is free, else one that the system gives. Port 0 asks for any.
 * A port can be taken by somebody else between the choice and the use; then whoever uses it says so.
 */
export async function choosePorts<Name extends string>(wanted: Readonly<Record<Name, readonly number[]>>): Promise<Record<Name, Choice>> {
  const chosen: Partial<Record<Name, Choice>> = {};
  const used = new Set<number>();
  for (const [name, ports] of Object.entries(wanted) as [Name, readonly number[]][]) {
    const [first] = ports;
    const port = (await firstFree(ports, used)) ?? (await anyPort(used));
    used.add(port);
    chosen[name] = { port, ...(first && port !== first && { taken: first }) };
  }
  return chosen as Record<Name, Choice>;
}

async function firstFree(ports: readonly number[], used: ReadonlySet<number>): Promise<number | undefined> {
  for (const port of ports) {
    if (port !== 0 && !used.has(port) && (await isFree(port))) return port;
  }
  return undefined;
}

async function anyPort(used: ReadonlySet<number>): Promise<number> {
  while (true) {
    const port = await listenOn(0, '127.0.0.1');
    if (port !== undefined && !used.has(port)) return port;
  }
}

/** Free on every address: a server on 0.0.0.0 and one on 127.0.0.1 can share a port, and clients would find the wrong one. */
async function isFree(port: number): Promise<boolean> {
  for (const host of ['127.0.0.1', '0.0.0.0']) {
    if ((await listenOn(port, host)) === undefined) return false;
  }
  return true;
}

function listenOn(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address();
      const got = typeof address === 'object' && address ? address.port : undefined;
      server.close(() => resolve(got));
    });
  });
}
