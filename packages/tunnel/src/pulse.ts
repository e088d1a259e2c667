import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { FAREWELL_MS_MAX, LINK_WINDOW_BYTES, PULSE, type PulseLimits, SLEEP_MS_MIN } from './settings.ts';

export interface PulseHooks {
  /** Bytes that have come so far. */
  received(): number;
  /** To be answered by the peer with anything. */
  ping(): void;
  /** The peer has been silent for too long. */
  dead(): void;
}

/**
 * Notices that a link's peer is gone. Whatever comes counts as life, and time is counted in turns of a timer of our own: while this
 * process stands still there are no turns, and what came meanwhile is read before the next one.
 */
export class Pulse {
  readonly #limits: PulseLimits;
  readonly #hooks: PulseHooks;
  readonly #timer: NodeJS.Timeout;
  readonly #sleep = new SleepWatch();
  #received = 0;
  #silent_ms = 0;
  #quiet_ms = 0;

  constructor(hooks: PulseHooks, limits: PulseLimits = PULSE) {
    this.#hooks = hooks;
    this.#limits = limits;
    this.#timer = setInterval(() => this.#tick(), limits.tick_ms);
    this.#timer.unref();
  }

  /** Something was sent. */
  sent(): void {
    this.#quiet_ms = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const { tick_ms, ping_every_ms, silence_ms_max, probe_ms } = this.#limits;
    const received = this.#hooks.received();
    this.#silent_ms = received === this.#received ? this.#silent_ms + tick_ms : 0;
    this.#received = received;
    this.#quiet_ms += tick_ms;
    if (this.#sleep.hasSlept()) {
      this.#silent_ms = Math.max(this.#silent_ms, silence_ms_max - probe_ms);
      this.#quiet_ms = ping_every_ms;
    }
    if (this.#silent_ms >= silence_ms_max) {
      this.stop();
      this.#hooks.dead();
    } else if (this.#quiet_ms >= ping_every_ms) {
      this.#quiet_ms = 0;
      this.#hooks.ping();
    }
  }
}

/** Tells whether the machine slept: timers stand still then, and the clock on the wall does not. */
export class SleepWatch {
  #ahead_ms = lead();

  /** True once after each sleep. */
  hasSlept(): boolean {
    const now_ms = lead();
    const slept = now_ms - this.#ahead_ms > SLEEP_MS_MIN;
    this.#ahead_ms = now_ms;
    return slept;
  }
}

/** How far the clock on the wall is ahead of the one that sleeps with the machine. */
function lead(): number {
  return Date.now() - performance.now();
}

/** Pings an HTTP/2 peer until the session closes, and destroys it when the peer is gone. */
export function tend(session: Http2Session, socket: Socket, limits?: PulseLimits): void {
  let answers = 0;
  const pulse = new Pulse(
    {
      // The session reads past us, but its socket counts.
      received: () => socket.bytesRead + answers,
      ping: () => {
        if (!session.destroyed && !session.connecting) session.ping(() => answers++);
      },
      dead: () => session.destroy(new Error('The tunnel peer does not answer')),
    },
    limits,
  );
  session.once('close', () => pulse.stop());
  endWithPeer(session, socket);
}

/**
 * A peer of ours that says that it goes is gone: it has ended what it had. Node would wait for its streams, and reads no more of its
 * connection meanwhile, so that it never hears its end.
 */
function endWithPeer(session: Http2Session, socket: Socket): void {
  session.once('goaway', () => {
    const end = (): void => {
      session.destroy();
      socket.destroy();
    };
    const timer = setTimeout(end, FAREWELL_MS_MAX);
    socket.once('close', () => clearTimeout(timer));
  });
}

/** Lets all streams of an HTTP/2 session together have as much on their way as each may have by itself. */
export function widen(session: Http2Session): void {
  if (!session.connecting) session.setLocalWindowSize(LINK_WINDOW_BYTES);
  else session.once('connect', () => session.setLocalWindowSize(LINK_WINDOW_BYTES));
}
