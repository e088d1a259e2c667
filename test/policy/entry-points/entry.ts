import { saveStored } from '@hoop/cli/config';
import { Shell } from '@hoop/cli/testing/shell';
import { routes } from '@hoop/contract/routes/all';
import { TunnelClient } from '@hoop/tunnel/client';
import type { ClientKind, Texts } from '../../protocols/column.ts';
import type { Place } from '../../protocols/place.ts';
import { LocalPort } from '../../support/local-port.ts';
import type { Access, Kind } from '../../support/office.ts';
import type { System } from '../../support/system.ts';
import { until } from '../../support/until.ts';
import type { Case } from './cases.ts';

/** Somebody who asks through one entry point. */
export interface Asker {
  /** Resolves with everything that was heard: answers, errors, notices. */
  ask(text: string): Promise<string>;
  leave(): Promise<void>;
}

/** One way for a text to come in. */
export interface EntryPoint {
  readonly name: string;
  /** What is judged of a text, where it is more than the text itself; undefined where it cannot be said here. */
  readonly sends?: (text: string) => string | undefined;
  open(way: Way): Promise<Asker>;
}

/** A protocol, as this matrix sees it: what to say, and every way in which it can be said. */
export interface EntryColumn {
  readonly protocol: string;
  readonly kind: Kind;
  readonly texts: Pick<Texts, 'answer' | 'rows'>;
  /** Rules that are about what this protocol carries. */
  readonly cases: readonly Case[];
  readonly entries: readonly EntryPoint[];
  startTarget(): Promise<{ readonly settings: Record<string, string>; close(): Promise<void> }>;
}

/** A connection, and what is needed to reach it from everywhere. */
export class Way {
  readonly system: System;
  readonly access: Access;
  /** The connection's native port. */
  readonly native: Place;
  readonly #link: TunnelClient;
  readonly #local: LocalPort;
  readonly shell: Shell;

  private constructor(system: System, access: Access, link: TunnelClient, local: LocalPort) {
    this.system = system;
    this.access = access;
    this.#link = link;
    this.#local = local;
    this.native = { host: access.host, port: access.port, user: access.connection, secret: access.secret };
    this.shell = new Shell();
    const { host, port } = system.gateway.addresses.tunnel;
    const { apiUrl, token } = system.office;
    saveStored(this.shell.home, { api_url: apiUrl, grpc_url: `grpcs://${host}:${port}`, token, skip_tls_verify: true });
  }

  static async to(system: System, access: Access): Promise<Way> {
    const { host, port } = system.gateway.addresses.tunnel;
    const link = await TunnelClient.dial({ host, port, tls: { skipVerify: true } });
    return new Way(system, access, link, await LocalPort.open(link, access.connection, system.office.token));
  }

  /** What `hoop connect` opens; it needs no secret. */
  get local(): Place {
    return { host: '127.0.0.1', port: this.#local.port, user: this.access.connection, secret: 'none' };
  }

  get link(): TunnelClient {
    return this.#link;
  }

  close(): void {
    this.#local.close();
    this.#link.close();
    this.shell[Symbol.dispose]();
  }
}

/** A client that speaks the protocol, at the native port. */
export function natively(kind: ClientKind): EntryPoint {
  return { ...spoken(kind, ({ native }) => native), name: `${kind.name} at the native port` };
}

/** The same at the port that `hoop connect` opens. */
export function connected(kind: ClientKind): EntryPoint {
  return { ...spoken(kind, ({ local }) => local), name: `${kind.name} through hoop connect` };
}

function spoken(kind: ClientKind, placeOf: (way: Way) => Place): Omit<EntryPoint, 'name'> {
  return {
    ...(kind.sends ? { sends: kind.sends } : {}),
    async open(way) {
      const client = await kind.open(placeOf(way));
      return {
        ask: async (text) => {
          const { rows, error = '' } = await client.ask(text);
          return [...rows, error].join('\n');
        },
        leave: async () => (client.vanish ? client.vanish() : client.leave()),
      };
    },
  };
}

/** A script over the API; of one that is held, the result once it is there. */
export const restExec: EntryPoint = {
  name: 'POST /api/sessions',
  open: async ({ system, access }) => ({
    async ask(script) {
      const { api } = system.office;
      const reply = await api.call(routes.execSession, { body: { connection: access.connection, script } });
      if (reply.output_status !== 'running') return reply.output;
      const done = await until('the result of a script', async () => {
        const { status, body } = await api.send(routes.getSessionResult, { params: { session_id: reply.session_id } });
        return status === 200 && body;
      });
      return done.output;
    },
    leave: async () => undefined,
  }),
};

/** The command line, as people type it. */
export const hoopExec: EntryPoint = {
  name: 'hoop exec',
  open: async ({ shell, access }) => ({
    async ask(script) {
      const { out, err } = await shell.run(['exec', access.connection, '-s', '-i', script], { stdin: '' });
      return out + err;
    },
    leave: async () => undefined,
  }),
};
