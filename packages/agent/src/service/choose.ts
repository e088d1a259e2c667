import { Misconfigured } from '@hoop/core/errors';
import { LaunchdService } from './launchd.ts';
import type { AgentService, Machine } from './service.ts';
import { SystemdService } from './systemd.ts';

/**
 * The service of this machine.
 * @throws Misconfigured `service_unsupported` where nothing runs that could keep one
 */
export function agentService(machine: Machine): AgentService {
  if (machine.platform === 'darwin') return new LaunchdService(machine);
  if (machine.platform === 'linux' && machine.isManaged) return new SystemdService(machine);
  const what =
    machine.platform === 'linux'
      ? 'systemd does not run here, as in most containers'
      : `${machine.platform} has no service manager that is known here`;
  throw new Misconfigured(
    'service_unsupported',
    `${what}. Run \`hoop start agent\` in the foreground, and let what starts this container or machine keep it running`,
  );
}
