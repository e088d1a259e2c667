import type { ConnectContext, RelayPorts, Target } from '@hoop/core/protocol';
import { dialTarget } from './dial-target.ts';
import { HttpRelay } from './relay.ts';
import type { HttpSettings } from './settings.ts';
import { TargetSide } from './target.ts';

/**
 * Makes sure that the target is there; its first connection is used for the first request.
 * @throws TargetFault `target_unreachable`, `target_certificate`
 */
export async function connect({ settings, current }: ConnectContext<HttpSettings>): Promise<Target> {
  const side = new TargetSide(settings, await dialTarget(settings), { current });
  return {
    wire: side.link,
    greeting: Buffer.alloc(0),
    relay: (ports: RelayPorts) => new HttpRelay(ports),
    // A request is given up by the client that sent it.
    cancel: () => Promise.resolve(),
  };
}
