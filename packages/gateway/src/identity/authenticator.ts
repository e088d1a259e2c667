import type { Identity } from '@hoop/core/identity';
import { type TokenService, unauthenticated } from './tokens.ts';

/** Turns what a request carries into an identity. The only maker of identities, with `CredentialService`. */
export class Authenticator {
  readonly #tokens: TokenService;

  constructor(tokens: TokenService) {
    this.#tokens = tokens;
  }

  /** From an `Authorization` header (RFC 6750, section 2.1). @throws Refusal `unauthenticated` */
  async fromBearer(header: string | undefined): Promise<Identity> {
    const token = /^Bearer ([A-Za-z0-9._~+/-]+=*)$/i.exec(header ?? '')?.[1];
    if (token === undefined) throw unauthenticated();
    return this.#tokens.verify(token);
  }
}
