import { type AppError, asAppError, PeerFault } from '@hoop/core/errors';
import type { Door } from '@hoop/core/protocol';
import { decodeCertificate, isCertificateAlgorithm, verifyCertificate, verifyPossession } from './certificate.ts';
import type { LoginContext } from './library.ts';
import { LOGIN_ATTEMPTS_MAX, LOGIN_OFFERS_MAX, LOGIN_REQUESTS_MAX } from './limits.ts';
import { encodeMessage } from './messages.ts';
import { offeredKey, provesKey } from './user-key.ts';

/** SSH_MSG_USERAUTH_BANNER (RFC 4252, section 5.4): the one place in a login where words reach a person. */
const BANNER = 53;

export interface Granted<Grant> {
  readonly grant: Grant;
  readonly user: string;
  /** What a certificate allows beyond running commands, such as `pty`; undefined: everything. */
  readonly permits: readonly string[] | undefined;
}

/** One client's tries to prove who it is: a secret as password or by question, a certificate of an authority that is trusted, or a key of their own. */
export class Login<Grant> {
  readonly #door: Door<Grant>;
  readonly #peer: string;
  readonly #send: (message: Buffer) => void;
  readonly #failed = Promise.withResolvers<never>();
  #requests = 0;
  #attempts = 0;
  #offers = 0;
  granted: Granted<Grant> | undefined;
  lastRefusal: AppError | undefined;

  /** `send` sends a message of the login as it is. */
  constructor(door: Door<Grant>, peer: string, send: (message: Buffer) => void) {
    this.#door = door;
    this.#peer = peer;
    this.#send = send;
  }

  /** Rejects when the client has tried too often. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  take(context: LoginContext): void {
    const { proven } = this.#door;
    if (proven !== undefined) {
      this.#let(context, proven);
      return;
    }
    // What is accepted, or not answered by the client, is refused nowhere else.
    if (++this.#requests > LOGIN_REQUESTS_MAX) {
      this.#tooOften();
      return;
    }
    switch (context.method) {
      case 'password':
        this.#prove(context, context.password ?? '');
        return;
      case 'keyboard-interactive':
        this.#question(context);
        return;
      case 'publickey':
        if (context.key && isCertificateAlgorithm(context.key.algo)) this.#certificate(context);
        else this.#ownKey(context);
        return;
      default:
        this.#reject(context);
    }
  }

  #question(context: LoginContext): void {
    context.prompt?.([{ prompt: 'Secret: ', echo: false }], '', '', (answers) => {
      const [secret] = Array.isArray(answers) ? answers : [];
      this.#prove(context, typeof secret === 'string' ? secret : '');
    });
  }

  #prove(context: LoginContext, secret: string): void {
    this.#attempts++;
    this.#door.login({ secret, user: context.username }).then(
      (grant) => this.#let(context, grant),
      (thrown) => this.#refuse(context, asAppError(thrown)),
    );
  }

  /** A key that is only offered proves nothing; the signature does. (RFC 4252, section 7) */
  #certificate(context: LoginContext): void {
    const { key } = context;
    const { userAuthorities = [], certified } = this.#door;
    if (!key || !certified || userAuthorities.length === 0 || !isCertificateAlgorithm(key.algo)) {
      this.#reject(context);
      return;
    }
    try {
      // Of a message that ends in front of it the library reads none, whatever it says of its types.
      const blob: Buffer | undefined = key.data;
      if (!blob) throw new PeerFault('bad_certificate', 'The client offers a certificate and sends none');
      const certificate = decodeCertificate(blob);
      verifyCertificate(certificate, { authorities: userAuthorities, address: addressOf(this.#peer), now_ms: Date.now() });
      if (!context.signature || !context.blob) {
        context.accept();
        return;
      }
      this.#attempts++;
      verifyPossession(certificate, key.algo, context.signature, context.blob);
      const { principals, keyId, permits } = certificate;
      certified({ user: context.username, principals, keyId }).then(
        (grant) => this.#let(context, grant, permits),
        (thrown) => this.#refuse(context, asAppError(thrown)),
      );
    } catch (thrown) {
      this.#refuse(context, asAppError(thrown));
    }
  }

  /** The same for a key that the user has registered. One that nobody knows is passed by in silence: clients offer all that they have. */
  #ownKey(context: LoginContext): void {
    const { keyed } = this.#door;
    const fingerprint = offeredKey(context);
    const isProof = context.signature !== undefined;
    if (isProof) this.#attempts++;
    else this.#offers++;
    if (!keyed || fingerprint === undefined || (isProof && !provesKey(context))) {
      this.#reject(context);
      return;
    }
    keyed.call(this.#door, { user: context.username, fingerprint, isProven: isProof }).then(
      (grant) => (isProof ? this.#let(context, grant) : this.#answer(() => context.accept())),
      (thrown) => (isProof ? this.#refuse(context, asAppError(thrown)) : this.#reject(context)),
    );
  }

  #let(context: LoginContext, grant: Grant, permits?: readonly string[]): void {
    this.granted = { grant, user: context.username, permits };
    this.#answer(() => context.accept());
  }

  #refuse(context: LoginContext, error: AppError): void {
    this.lastRefusal = error;
    if (error.kind !== 'bug') this.#answer(() => this.#send(encodeMessage(BANNER, `hoop: ${error.message}\r\n`, '')));
    this.#reject(context);
  }

  #reject(context: LoginContext): void {
    const { userAuthorities = [], certified, keyed } = this.#door;
    const byKey = keyed || (userAuthorities.length > 0 && certified) ? ['publickey'] : [];
    if (this.#attempts >= LOGIN_ATTEMPTS_MAX || this.#offers > LOGIN_OFFERS_MAX) {
      this.#tooOften();
      return;
    }
    this.#answer(() => context.reject(['password', 'keyboard-interactive', ...byKey]));
  }

  #tooOften(): void {
    this.#failed.reject(this.lastRefusal ?? new PeerFault('too_many_attempts', 'The client tried to log in too often'));
  }

  /**
   * The library takes words that only a server has, such as that of a success, from a client too, and holds the login for answered then: it
   * throws when it is answered really. By that time nobody else would catch it.
   */
  #answer(say: () => void): void {
    try {
      say();
    } catch (cause) {
      this.#failed.reject(new PeerFault('bad_message', 'The client did not keep to the order of an SSH login', { cause }));
    }
  }
}

function addressOf(peer: string): string {
  return peer.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}
