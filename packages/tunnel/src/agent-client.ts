import { type AgentHello, FRAME_KINDS, GatewayMessage, type LogEntry, TUNNEL_PATHS } from '@hoop/contract/tunnel';
import { asAppError, Refusal } from '@hoop/core/errors';
import type { Log } from '@hoop/core/log';
import { z } from 'zod';
import { STATUS_UNIMPLEMENTED } from './carrier.ts';
import { type DialOptions, TunnelClient } from './client.ts';
import { parseMessage, sendControl } from './control.ts';
import type { SessionHost } from './link.ts';
import { LogReport } from './log-report.ts';
import { SleepWatch } from './pulse.ts';
import { BACKOFF_MS_MAX, BACKOFF_MS_MIN, GOOD_LINK_MS_MIN, PULSE } from './settings.ts';
import type { FrameStream } from './stream.ts';

export interface AgentClientOptions {
  readonly dial: DialOptions;
  /** The whole key, as it is in `HOOP_KEY`. */
  readonly key: string;
  readonly hello: AgentHello;
  readonly host: SessionHost;
  readonly log: Log;
  /** Told whenever the link comes or goes. */
  onLink?(link: LinkChange): void;
}

/** What became of the link to the gateway: the name that it knows this agent by, or why there is none now. */
export type LinkChange = { readonly up: true; readonly agent: string } | { readonly up: false; readonly why: string };

/** Keeps one link from an agent to its gateway, for as long as it runs. */
export class AgentClient {
  readonly #options: AgentClientOptions;
  #client: TunnelClient | undefined;
  #stopped = false;
  #wake: (() => void) | undefined;
  readonly #report = new LogReport();
  /** What the gateway said that makes coming back pointless. */
  #refusal: Refusal | undefined;

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
      const begun_ms = performance.now();
      let welcome = false;
      try {
        await this.#serveOnce(() => {
          welcome = true;
        });
        if (this.#refusal) throw this.#refusal;
        if (this.#stopped) return;
        this.#options.log.warn('The link to the gateway ended; dialling again');
        this.#options.onLink?.({ up: false, why: 'The link ended' });
      } catch (error) {
        const fault = asAppError(error);
        if (fault.kind === 'refusal' || fault.kind === 'misconfigured') throw fault;
        this.#options.log.warn({ code: fault.code, retry_ms: Math.round(backoff_ms) }, fault.message);
        this.#options.onLink?.({ up: false, why: fault.message });
      }
      if (welcome && performance.now() - begun_ms > GOOD_LINK_MS_MIN) backoff_ms = BACKOFF_MS_MIN;
      // At random, so that a gateway that comes back is not met by all of its agents at once.
      const slept = await this.#pause(backoff_ms * (0.5 + Math.random() / 2));
      backoff_ms = slept ? BACKOFF_MS_MIN : Math.min(backoff_ms * 2, BACKOFF_MS_MAX);
    }
  }

  /** Tells the gateway what was logged, now or when there is a link. Never waits: what is too much is dropped, the oldest first. */
  report(entries: readonly LogEntry[]): void {
    this.#report.add(entries);
  }

  stop(): void {
    this.#stopped = true;
    this.#client?.close();
    this.#report.unlink();
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
          const message = kind === FRAME_KINDS.control ? this.#messageIn(payload) : undefined;
          if (message?.type === 'welcome') this.#report.link(control);
          if (message) this.#onMessage(client, message, onWelcome);
        },
        ended: () => client.close(),
        broken: () => client.close(),
      });
      sendControl(control, this.#options.hello);
      await client.closed;
    } finally {
      client.close();
      this.#report.unlink();
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

  /** A newer gateway may say things that this agent does not know; they are not for it. */
  #messageIn(payload: Buffer): GatewayMessage | undefined {
    try {
      return parseMessage(GatewayMessage, payload);
    } catch (error) {
      this.#options.log.debug({ code: asAppError(error).code }, 'The gateway said something that this agent does not know');
      const sessions = sessionsOfPolicy(payload);
      if (sessions) this.#options.host.refusePolicy?.(sessions);
      return undefined;
    }
  }

  #onMessage(client: TunnelClient, message: GatewayMessage, onWelcome: () => void): void {
    switch (message.type) {
      case 'welcome':
        onWelcome();
        this.#options.onLink?.({ up: true, agent: message.name });
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
      case 'review':
        this.#options.host.answerReview?.(message.session, message.answer);
        return;
      case 'goodbye':
        this.#options.log.warn({ reason: message.reason }, 'The gateway said goodbye');
        if (message.code !== undefined) this.#refusal = new Refusal(message.code, message.reason);
        client.close();
    }
  }

  /** True when the machine slept meanwhile: then there is nothing left to wait for. */
  #pause(duration_ms: number): Promise<boolean> {
    const sleep = new SleepWatch();
    const { promise, resolve } = Promise.withResolvers<boolean>();
    let timer: NodeJS.Timeout;
    const wait = (left_ms: number): void => {
      if (left_ms <= 0 || this.#stopped) resolve(false);
      else timer = setTimeout(() => (sleep.hasSlept() ? resolve(true) : wait(left_ms - PULSE.tick_ms)), Math.min(left_ms, PULSE.tick_ms));
    };
    this.#wake = () => {
      clearTimeout(timer);
      resolve(false);
    };
    wait(duration_ms);
    return promise;
  }
}

/** Of rules that cannot be read: to go on under the old ones would be to pass over the new. Undefined when it was something else. */
function sessionsOfPolicy(payload: Buffer): readonly string[] | undefined {
  try {
    return parseMessage(PolicyTargets, payload).sessions;
  } catch {
    return undefined;
  }
}

const PolicyTargets = z.object({ type: z.literal('policy'), sessions: z.array(z.string()) });
