import { Refusal } from '@hoop/core/errors';
import type { Accepted, Door } from '@hoop/core/protocol';
import type { Wire } from '@hoop/core/wire';

const NOTHING = Buffer.alloc(0);

/**
 * Takes a client whose identity is proven already. Opaque bytes have no place for a secret, so there is no native listener.
 * @throws Refusal `unauthenticated` for anybody else
 */
export async function accept<Grant>(wire: Wire, door: Door<Grant>): Promise<Accepted<Grant> | undefined> {
  if (door.proven === undefined) throw new Refusal('unauthenticated', 'A tcp connection is reached with hoop connect only');
  return { wire, grant: door.proven, hello: { user: '' }, refuse: () => NOTHING };
}
