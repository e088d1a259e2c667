import { hostname, release } from 'node:os';
import { AGENT_FEATURES, type AgentHello, type DeclaredConnection, TUNNEL_VERSION } from '@hoop/contract/tunnel';
import { VERSION } from '@hoop/core/version';
import { allProtocols } from '@hoop/protocols/all';
import { machineId } from './machine.ts';

/** What this agent says of itself; one beside an application brings a connection along. */
export function agentHello(declares?: DeclaredConnection): AgentHello {
  return {
    version: TUNNEL_VERSION,
    product: VERSION,
    hostname: hostname(),
    platform: `${process.platform}/${ARCHITECTURES[process.arch] ?? process.arch}`,
    kernel: release(),
    machine: machineId(),
    features: [AGENT_FEATURES.boundaries, AGENT_FEATURES.reviews, AGENT_FEATURES.answers],
    protocols: allProtocols().map((protocol) => protocol.name),
    ...(declares ? { mode: 'embedded', declares } : { mode: 'standard' }),
  };
}

/** As the rest of the field names them. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64' };
