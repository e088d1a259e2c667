import { randomUUID } from 'node:crypto';
import { routes } from '@hoop/contract/routes/all';
import type { ExecReply, Session } from '@hoop/contract/routes/sessions';
import {
  type ExitMessage,
  encodeTerminalFrame,
  encodeTerminalMessage,
  StartMessage,
  TERMINAL_CHUNK_BYTES,
  TERMINAL_FRAMES,
  TerminalFrameReader,
} from '@hoop/contract/terminal';
import { TunnelClient } from '@hoop/tunnel/client';
import { StreamWire } from '@hoop/tunnel/stream-wire';
import type { Policy } from '../../support/office.ts';
import { System, type SystemOptions } from '../../support/system.ts';
import { until, within } from '../../support/until.ts';

/** A system, and a user's link to it, for connections that are commands. */
export class CommandLab {
  readonly system: System;
  readonly #link: TunnelClient;
  readonly #open = new Set<CommandClient>();

  private constructor(system: System, link: TunnelClient) {
    this.system = system;
    this.#link = link;
  }

  static async start(agent: SystemOptions['agent']): Promise<CommandLab> {
    const system = await System.start({ agent });
    const { host, port } = system.gateway.addresses.tunnel;
    return new CommandLab(system, await TunnelClient.dial({ host, port, tls: { skipVerify: true } }));
  }

  /** A connection that runs this; resolves with its name. */
  async connection(
    command: readonly string[],
    more: { policy?: Policy; secrets?: Record<string, string>; connect?: boolean; exec?: boolean } = {},
  ) {
    const name = `command-${randomUUID()}`;
    const { policy = {}, secrets = {}, connect = true, exec = true } = more;
    const secret = Object.fromEntries(
      Object.entries(secrets).map(([key, value]) => [`envvar:${key}`, Buffer.from(value).toString('base64')]),
    );
    const { office, agentId } = this.system;
    const { id } = await office.api.call(routes.createConnection, {
      body: {
        name,
        type: 'custom',
        agent_id: agentId,
        command: [...command],
        secret,
        access_mode_connect: connect ? 'enabled' : 'disabled',
        access_mode_exec: exec ? 'enabled' : 'disabled',
      },
    });
    if (policy.deny) await office.deny(id, policy.deny);
    if (policy.mask) await office.mask(id, policy.mask);
    return name;
  }

  /** Runs a script over the API. */
  exec(connection: string, script: string): Promise<ExecReply> {
    return this.system.office.api.call(routes.execSession, { body: { connection, script } });
  }

  /** Sits down at a connection, as the command line does. */
  async sit(connection: string, start: Partial<StartMessage> = {}, verb: 'connect' | 'exec' = 'connect'): Promise<CommandClient> {
    return this.sitWith(connection, encodeTerminalMessage(TERMINAL_FRAMES.start, StartMessage.parse({ mode: 'pty', ...start })), verb);
  }

  /** The same, with any first words. */
  async sitWith(connection: string, first: Uint8Array, verb: 'connect' | 'exec'): Promise<CommandClient> {
    const stream = await this.#link.openConnection(connection, this.system.office.token, verb);
    const client = new CommandClient(new StreamWire(stream, 'test'), first);
    this.#open.add(client);
    return client;
  }

  /** The newest session of a connection, over, with everything that was recorded of it. */
  async records(connection: string): Promise<Session> {
    const { id } = await this.system.office.endedSession(connection);
    return this.system.office.api.call(routes.getSession, { params: { session_id: id }, query: { expand: 'actions,event_stream' } });
  }

  tidyUp(): void {
    for (const client of this.#open) client.leave();
    this.#open.clear();
  }

  async close(): Promise<void> {
    this.tidyUp();
    this.#link.close();
    await this.system.close();
    // What the last sessions ran is gone, with its files, before the process is.
    await this.system.runner.drain(0);
  }
}

/** What a session's record says that the client was shown, of one stream. */
export function shownIn(session: Session, stream: 'stdout' | 'stderr' | 'notice' = 'stdout'): string {
  const pieces = (session.event_stream ?? []).flatMap(({ event }) =>
    event.type === 'output' && event.stream === stream ? [event.data] : [],
  );
  return Buffer.concat(pieces.map((data) => Buffer.from(data, 'base64'))).toString('utf8');
}

/** The other end of a command: what a terminal program does. */
export class CommandClient {
  readonly #wire: StreamWire;
  readonly #over: Promise<void>;
  stdout = '';
  stderr = '';
  readonly notices: string[] = [];
  exit: ExitMessage | undefined;

  constructor(wire: StreamWire, first: Uint8Array) {
    this.#wire = wire;
    const reader = new TerminalFrameReader();
    this.#over = wire
      .pump((chunk) => {
        for (const { kind, payload } of reader.push(chunk)) this.#hear(kind, Buffer.from(payload).toString('utf8'));
      })
      .catch(() => undefined);
    void wire.write(Buffer.from(first));
  }

  async type(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += TERMINAL_CHUNK_BYTES)
      await this.#wire.write(Buffer.from(encodeTerminalFrame(TERMINAL_FRAMES.input, bytes.subarray(at, at + TERMINAL_CHUNK_BYTES))));
  }

  async script(text: string): Promise<void> {
    await this.type(text);
    await this.#wire.write(Buffer.from(encodeTerminalFrame(TERMINAL_FRAMES.inputEnd, new Uint8Array())));
  }

  async shows(what: string | RegExp): Promise<void> {
    await until(`${what} on the terminal`, () => (typeof what === 'string' ? this.stdout.includes(what) : what.test(this.stdout)));
  }

  async ended(): Promise<this> {
    await within('the session ends', this.#over);
    return this;
  }

  leave(): void {
    this.#wire.end();
  }

  vanish(): void {
    this.#wire.destroy();
  }

  #hear(kind: number, text: string): void {
    if (kind === TERMINAL_FRAMES.stdout) this.stdout += text;
    else if (kind === TERMINAL_FRAMES.stderr) this.stderr += text;
    else if (kind === TERMINAL_FRAMES.notice) this.notices.push(text);
    else if (kind === TERMINAL_FRAMES.exit) this.exit = JSON.parse(text) as ExitMessage;
  }
}
