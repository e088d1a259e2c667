import net, { type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { systemClock } from '@hoop/core/clock';
import { asAppError, PeerFault } from '@hoop/core/errors';
import { HANDSHAKE_MS_MAX } from '@hoop/core/limits';
import type { Log } from '@hoop/core/log';
import type { CertifiedAttempt, Door, KeyAttempt, LoginAttempt, Protocol } from '@hoop/core/protocol';
import type { Secret } from '@hoop/core/secret';
import { SocketWire } from '@hoop/core/wire';
import { type StrangerLimits, Strangers } from '@hoop/tunnel/strangers';
import type { Engine, Grant } from '../engine.ts';
import { AttemptLimit } from '../identity/attempt-limit.ts';
import { NATIVE_FAILURES_MAX, NATIVE_FAILURES_WINDOW_MS } from '../limits.ts';

export interface NativeListenerOptions {
  readonly protocol: Protocol;
  readonly engine: Engine;
  readonly tls: SecureContext | undefined;
  readonly log: Log;
  /** What protocols with a bare key of their own are given: see `Door`. */
  readonly hostKey: Secret;
  readonly userAuthorities: readonly string[];
  certified(attempt: CertifiedAttempt): Promise<Grant>;
  /** Whom a user's own key lets in, where the protocol has such. @throws Refusal */
  keyed?(attempt: KeyAttempt): Promise<Grant>;
  /** Who a credential's secret lets in. @throws Refusal */
  login(attempt: LoginAttempt, peer: string): Promise<Grant>;
  onFault?(protocol: string, code: string): void;
  readonly strangers?: StrangerLimits;
}

/** A protocol's own port on the gateway: clients come with the tools they have and a time-limited secret. */
export class NativeListener {
  readonly #options: NativeListenerOptions;
  readonly #server: net.Server;
  readonly #strangers: Strangers;
  readonly #failures = new AttemptLimit({
    attempts_max: NATIVE_FAILURES_MAX,
    window_ms: NATIVE_FAILURES_WINDOW_MS,
    clock: systemClock,
  });

  constructor(options: NativeListenerOptions) {
    this.#options = options;
    this.#strangers = new Strangers(options.strangers);
    const sockets = { allowHalfOpen: true, pauseOnConnect: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
    this.#server = net.createServer(sockets, (socket) => void this.#serve(socket));
  }

  /** @returns the port, for `port` 0. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => this.#options.log.error({ err: error }, 'The listener failed'));
        resolve((this.#server.address() as net.AddressInfo).port);
      });
    });
  }

  /** No new clients; open sessions go on. */
  stopAccepting(): void {
    this.#server.close();
  }

  async #serve(socket: Socket): Promise<void> {
    const { protocol, engine, log } = this.#options;
    socket.on('error', () => undefined);
    const late = (): void => void socket.destroy(new PeerFault('handshake_timeout', 'The client did not log in in time'));
    const timer = setTimeout(late, HANDSHAKE_MS_MAX);
    const enter = (): void => {
      clearTimeout(timer);
      this.#strangers.release(socket);
    };
    if (!this.#strangers.admit(socket)) {
      enter();
      this.#options.onFault?.(protocol.name, 'too_many_handshakes');
      return;
    }
    try {
      const wire = new SocketWire(socket);
      const accepted = await protocol.accept(wire, this.#door(wire.peer, isLoopback(socket.remoteAddress)));
      enter();
      if (accepted) await engine.open(accepted, { verb: 'connect', origin: 'native' });
    } catch (thrown) {
      const met = asAppError(thrown);
      // A connection that its client cuts while it logs in is met as an error of the system, which is nobody's bug.
      const isCut = met.kind === 'bug' && socket.errored !== null;
      const error = isCut ? new PeerFault('client_lost', 'The client’s connection broke', { cause: met }) : met;
      this.#options.onFault?.(protocol.name, error.code);
      const level = error.kind === 'bug' ? 'warn' : 'info';
      log[level]({ peer: `${socket.remoteAddress}`, code: error.code }, 'A client did not get in');
      socket.end();
    } finally {
      enter();
      // The last words may still be on their way out; a client that does not read them, or never closes its own side, is not waited for.
      if (!socket.destroyed) setTimeout(() => socket.destroy(), LINGER_MS_MAX).unref();
    }
  }

  /** @throws Refusal `too_many_attempts` and what `login` throws */
  async #limited(peer: string, login: () => Promise<Grant>): Promise<Grant> {
    const address = addressOf(peer);
    if (this.#failures.isSpent(address)) this.#failures.begin(address);
    try {
      return await login();
    } catch (error) {
      if (asAppError(error).kind === 'refusal' && !this.#failures.isSpent(address)) this.#failures.begin(address);
      throw error;
    }
  }

  #door(peer: string, local: boolean): Door<Grant> {
    const { engine, tls, hostKey, userAuthorities, keyed } = this.#options;
    return {
      tls,
      tlsRequired: tls !== undefined && !local,
      proven: undefined,
      login: (attempt) => this.#limited(peer, () => this.#options.login(attempt, peer)),
      hostKey,
      userAuthorities,
      certified: (attempt) => this.#limited(peer, () => this.#options.certified(attempt)),
      // A key that is only offered and not known is no failure: agents offer all that they have.
      ...(keyed ? { keyed: (attempt) => (attempt.isProven ? this.#limited(peer, () => keyed(attempt)) : keyed(attempt)) } : {}),
      cancel: (key) => engine.cancel(key),
      mintCancelKey: (length) => engine.mintCancelKey(length),
    };
  }
}

/** Who keeps failing waits, before the store is asked. The port of an address is another one each time. */
function addressOf(peer: string): string {
  return peer.replace(/:\d+$/, '');
}

const LINGER_MS_MAX = 1_000;

/** A client whose machine is gone is noticed some seconds after that much silence, and its session ends. */
const KEEP_ALIVE_MS = 60_000;

function isLoopback(address: string | undefined): boolean {
  return address === '::1' || (address ?? '').replace('::ffff:', '').startsWith('127.');
}
