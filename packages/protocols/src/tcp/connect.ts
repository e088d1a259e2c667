import type { ConnectContext, RelayPorts, Target } from '@hoop/core/protocol';
import { dial } from '@hoop/core/wire';
import { IdleWire } from './idle-wire.ts';
import { TcpRelay } from './relay.ts';
import type { TcpSettings } from './settings.ts';

const NOTHING = Buffer.alloc(0);

/** Dials the service. @throws TargetFault `target_unreachable` */
export async function connect({ settings }: ConnectContext<TcpSettings>): Promise<Target> {
  const { HOST, PORT, IDLE_SECONDS, CAPTURE } = settings;
  const socket = await dial(HOST, PORT, { halfOpen: true });
  const wire = IDLE_SECONDS === 0 ? socket : new IdleWire(socket, IDLE_SECONDS * 1000);
  return {
    wire,
    greeting: NOTHING,
    relay: (ports: RelayPorts) => new TcpRelay({ address: `${HOST}:${PORT}`, capture: CAPTURE === 'on' }, wire, ports),
    // There is nothing to ask a service to stop that we do not understand: its connection is closed with the session.
    cancel: () => Promise.resolve(),
  };
}
