import { hash as digestOf, timingSafeEqual } from 'node:crypto';
import { type AppError, asAppError, PeerFault, Refusal } from '@hoop/core/errors';
import type { Ask } from './ask.ts';
import { answerOurselves } from './ask.ts';
import { Exchange, ExchangeReset } from './exchange.ts';
import { endToEnd, fromClient, namesOtherMethod } from './headers.ts';
import { EXCHANGES_MAX, KEEP_ALIVE_MS } from './limits.ts';
import { type LinkOwner, MessageLink } from './link.ts';
import { AnswerHead, decodeHead, encodeHead, KINDS, type Message, RequestHead, ResetMessage } from './message.ts';
import { isCrossSite, presentedToken, TOKEN_COOKIE } from './token.ts';
import { resetOf } from './words.ts';

export interface FrontOptions<Grant> {
  readonly peer: string;
  /** Cookies are for TLS only, where there is any. */
  readonly secure: boolean;
  /** Undefined: the identity is proven, and no request has to show a secret. */
  readonly login: ((secret: string) => Promise<Grant>) | undefined;
  /** Ends the client's connection, once what was written is out. */
  close(): void;
}

/** The client's side of a session: its requests become exchanges on the session's stream. */
export class Front<Grant> implements LinkOwner {
  readonly link: MessageLink;
  readonly #options: FrontOptions<Grant>;
  readonly #exchanges = new Map<number, { readonly exchange: Exchange; readonly ask: Ask }>();
  readonly #entered = Promise.withResolvers<Grant | undefined>();
  #tokenHash: Buffer | undefined;
  #next = 1;
  #over: ResetMessage | undefined;
  readonly #idle: NodeJS.Timeout;

  constructor(options: FrontOptions<Grant>) {
    this.#options = options;
    this.link = new MessageLink(options.peer, this);
    this.#idle = setTimeout(() => this.#onIdle(), KEEP_ALIVE_MS);
  }

  /** Who came in; undefined when the client left before it did, or was told why it may not. @throws AppError of the login */
  get entered(): Promise<Grant | undefined> {
    return this.#entered.promise;
  }

  /** The identity is known already. */
  enter(grant: Grant): void {
    this.#entered.resolve(grant);
  }

  /** One more request of this client. */
  readonly onAsk = (ask: Ask): void => {
    this.#idle.refresh();
    ask.body.on('error', () => undefined);
    this.#serve(ask).catch((thrown: unknown) => {
      const error = asAppError(thrown);
      answerOurselves(ask, resetOf(error), error.code === 'unauthenticated' ? [['www-authenticate', 'Bearer']] : []);
    });
  };

  /** The client's connection is gone. */
  clientLeft(): void {
    clearTimeout(this.#idle);
    this.#entered.resolve(undefined);
    for (const { exchange } of this.#exchanges.values()) exchange.destroy();
    this.link.finish();
  }

  take(message: Message): void {
    if (message.kind === KINDS.over) {
      this.#end(decodeHead(ResetMessage, message.payload));
      return;
    }
    const found = this.#exchanges.get(message.exchange);
    if (!found) return;
    if (message.kind === KINDS.answer) this.#tryAnswer(found.ask, found.exchange, decodeHead(AnswerHead, message.payload));
    else if (message.kind === KINDS.reset) found.exchange.destroy(new ExchangeReset(decodeHead(ResetMessage, message.payload)));
    else found.exchange.receive(message);
  }

  over(error: Error | undefined): void {
    this.#end(error ? resetOf(asAppError(error)) : { status: 503, code: 'session_over', message: 'The session is over; connect again' });
  }

  /** An answer may take as long as it likes; what is waited for is the next request. */
  #onIdle(): void {
    if (this.#exchanges.size > 0) this.#idle.refresh();
    else this.#options.close();
  }

  #end(reset: ResetMessage): void {
    if (this.#over) return;
    this.#over = reset;
    clearTimeout(this.#idle);
    for (const { exchange } of [...this.#exchanges.values()]) exchange.destroy(new ExchangeReset(reset));
    this.#options.close();
    this.link.finish();
  }

  async #serve(ask: Ask): Promise<void> {
    const headers = await this.#admit(ask);
    if (headers === undefined) return;
    if (this.#over) return answerOurselves(ask, this.#over);
    if (this.#exchanges.size >= EXCHANGES_MAX) throw new Refusal('too_many_requests', 'Too many requests at a time; wait for answers');
    this.#begin(ask, headers);
  }

  /** Whose request it is: every one shows the secret, because a proxy in front of us may send requests of several people on one connection. */
  async #admit(ask: Ask): Promise<readonly (readonly [string, string])[] | undefined> {
    const { login } = this.#options;
    if (!login) return ask.headers;
    const shown = presentedToken(ask.path, ask.headers);
    if (!shown) throw unauthenticated('Show the secret of a credential as Authorization: Bearer …, or open /<secret>/ in a browser');
    if (shown.byCookie && isCrossSite(ask.headers, ask.method, ask.upgrade !== undefined)) {
      throw new Refusal('cross_site', 'A page of another site asked for this; open the address itself');
    }
    const hash = digestOf('sha256', shown.token, 'buffer');
    if (this.#tokenHash === undefined || shown.redirect !== undefined) {
      const grant = await login(shown.token);
      if (shown.redirect !== undefined) return this.#redirect(ask, shown.token, shown.redirect);
      // The first one that is let in decides whose session this connection is.
      this.#tokenHash ??= hash;
      this.#entered.resolve(grant);
    }
    if (!timingSafeEqual(this.#tokenHash, hash)) throw unauthenticated('This connection is in use with another secret; open a new one');
    return shown.headers;
  }

  #redirect(ask: Ask, token: string, to: string): undefined {
    const cookie = `${TOKEN_COOKIE}=${token}; Path=/; HttpOnly; SameSite=Lax${this.#options.secure ? '; Secure' : ''}`;
    const headers: [string, string][] = [
      ['location', to],
      ['set-cookie', cookie],
      ['cache-control', 'no-store'],
      ['referrer-policy', 'no-referrer'],
      ['content-length', '0'],
    ];
    ask.answer({ status: 302, headers }).end();
    return undefined;
  }

  #begin(ask: Ask, headers: readonly (readonly [string, string])[]): void {
    const { method, path, bodyKind, upgrade } = ask;
    const head = { method, path, headers: fromClient(headers), body: bodyKind, ...(upgrade === undefined ? {} : { upgrade }) };
    if (!RequestHead.safeParse(head).success)
      throw new PeerFault('bad_request', 'The request has too many headers, or too long an address');
    if (namesOtherMethod(headers)) {
      throw new PeerFault('bad_request', 'A request that names another method in its headers is not passed on; send it with that method');
    }
    const id = this.#next++;
    const exchange = new Exchange(id, this.link, () => this.#exchanges.delete(id));
    this.#exchanges.set(id, { exchange, ask });
    this.link.send(encodeHead(KINDS.request, id, head));
    let answered = false;
    exchange.once('answered', () => {
      answered = true;
    });
    exchange.on('error', (error) => {
      if (answered) ask.abort();
      else answerOurselves(ask, error instanceof ExchangeReset ? error.reset : resetOf(asAppError(error)));
    });
    ask.onGone(() => exchange.destroy());
    if (upgrade === undefined) {
      if (bodyKind === 'none') exchange.end();
      else ask.body.pipe(exchange);
    }
  }

  /** What cannot be written is a fault of this target's answer, and of no other's. */
  #tryAnswer(ask: Ask, exchange: Exchange, head: AnswerHead): void {
    try {
      this.#answer(ask, exchange, head);
    } catch (cause) {
      const reset = { status: 502, code: 'target_closed', message: `The target's answer is not HTTP: ${(cause as Error).message}` };
      exchange.destroy(new ExchangeReset(reset));
    }
  }

  #answer(ask: Ask, exchange: Exchange, head: AnswerHead): void {
    this.#idle.refresh();
    if (ask.upgrade !== undefined && head.status === 101) {
      const client = ask.answer({ status: 101, headers: [['connection', 'Upgrade'], ['upgrade', ask.upgrade], ...endToEnd(head.headers)] });
      exchange.emit('answered');
      exchange.pipe(client);
      ask.body.pipe(exchange);
      return;
    }
    if (ask.upgrade !== undefined) exchange.end();
    const out = ask.answer({ status: head.status, headers: endToEnd(head.headers) });
    exchange.emit('answered');
    exchange.sendTo(out);
  }
}

function unauthenticated(message: string): Refusal {
  return new Refusal('unauthenticated', message);
}

/** What the engine tells a client of a session that cannot go on. */
export function overWords(error: AppError): Buffer {
  return encodeHead(
    KINDS.over,
    0,
    resetOf(error instanceof PeerFault ? new PeerFault(error.code, 'The request was not understood') : error),
  );
}
