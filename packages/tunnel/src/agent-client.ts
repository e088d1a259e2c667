import { type AgentHello, FRAME_KINDS, GatewayMessage, TUNNEL_PATHS } from '@hoop/contract/tunnel';
import { asAppError, TargetFault } from '@hoop/core/errors';
import type { Log } from '@hoop/core/log';
import { STATUS_UNIMPLEMENTED } from './carrier.ts';
import { type DialOptions, TunnelClient } from './client.ts';
import { parseMessage, sendControl } from './control.ts';
import type { SessionHost } from './link.ts';
import type { FrameStream } from './stream.ts';

export interface AgentClientOptions {
  readonly dial: DialOptions;
  /** The whole key, as it is in `HOOP_KEY`. */
  readonly key: string;
  readonly hello: AgentHello;
  readonly host: SessionHost;
  readonly log: Log;
}

const BACKOFF_MS_MIN = 200;
const BACKOFF_MS_MAX = 2_000;

/** Keeps one link from an agent to its gateway, for as long as it runs. */
export class AgentClient {
  readonly #options: AgentClientOptions;
  #client: TunnelClient | undefined;
  #stopped = false;
  #wake: (() => void) | undefined;

  constructor(options: AgentClientOptions) {
    this.#options = options;
  }

  /**
   * Dials, serves and dials again until `stop`.
   * @throws Refusal when the gateway does not know the key, Misconfigured when its certificate is not trusted: trying again cannot help.
   */
  async run(): Promise<void> {
    let backoff_ms = BACKOFF_MS_MIN;
    while (!this.#stopped) {
      try {
        await this.#serveOnce(() => {
          backoff_ms = BACKOFF_MS_MIN;
        });
        if (this.#stopped) return;
        this.#options.log.warn('The link to the gateway ended; dialling again');
      } catch (error) {
        const fault = asAppError(error);
        if (fault.kind === 'refusal' || fault.kind === 'misconfigured') throw fault;
        this.#options.log.warn({ code: fault.code, retry_ms: Math.round(backoff_ms) }, fault.message);
      }
      await this.#pause(backoff_ms * (0.5 + Math.random()));
      backoff_ms = Math.min(backoff_ms * 2, BACKOFF_MS_MAX);
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#client?.close();
    this.#wake?.();
  }

  async #serveOnce(onWelcome: () => void): Promise<void> {
    const client = await TunnelClient.dial(this.#options.dial, (incoming) => {
      if (incoming.path === TUNNEL_PATHS.session) this.#options.host.serve(incoming.accept());
      else incoming.refuse(STATUS_UNIMPLEMENTED, 'Unknown path');
    });
    this.#client = client;
    if (this.#stopped) client.close();
    try {
      const control = await client.open(TUNNEL_PATHS.control, { authorization: `Bearer ${this.#options.key}` });
      control.receive({
        data: () => undefined,
        message: (kind, payload) => {
          if (kind === FRAME_KINDS.control) this.#onMessage(client, parseMessage(GatewayMessage, payload), onWelcome);
        },
        ended: () => client.close(),
        broken: () => client.close(),
      });
      sendControl(control, this.#options.hello);
      await client.closed;
    } finally {
      client.close();
      this.#options.host.linkLost();
    }
  }

  /** What was sent shortly before the last link broke may not have arrived, or not have reached a disk. */
  async #replay(client: TunnelClient): Promise<void> {
    const events = this.#options.host.takeUnconfirmed();
    if (events.length === 0) return;
    try {
      const stream = await client.open(TUNNEL_PATHS.replay, {});
      stream.receive({ data: () => undefined, message: () => undefined, ended: () => undefined, broken: () => undefined });
      for (const { session, event } of events) {
        await stream.send(FRAME_KINDS.event, Buffer.concat([Buffer.from(session.replaceAll('-', ''), 'hex'), event]));
      }
      stream.end();
      this.#options.log.info({ events: events.length }, 'Audit events from before the link broke were told again');
    } catch (error) {
      this.#options.log.warn({ code: asAppError(error).code, events: events.length }, 'Audit events could not be told again');
    }
  }

  #onMessage(client: TunnelClient, message: GatewayMessage, onWelcome: () => void): void {
    switch (message.type) {
      case 'welcome':
        onWelcome();
        void this.#replay(client);
        this.#options.log.info({ agent: message.name }, 'Connected to the gateway');
        return;
      case 'dial':
        client.open(TUNNEL_PATHS.session, { 'hoop-stream': message.stream }).then(
          (stream: FrameStream) => this.#options.host.serve(stream),
          (error) => this.#options.log.warn({ err: asAppError(error) }, 'A session stream could not be opened'),
        );
        return;
      case 'cancel':
        this.#options.host.cancel(message.session);
        return;
      case 'policy':
        this.#options.host.changePolicy(message.sessions, message.policy);
        return;
      case 'goodbye':
        this.#options.log.warn({ reason: message.reason }, 'The gateway said goodbye');
        client.close();
    }
  }

  #pause(duration_ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, duration_ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** The fault of a session whose link went away. */
export function linkLost(): TargetFault {
  return new TargetFault('agent_lost', 'The link between gateway and agent broke; connect again');
}
