import type { Paths } from '../paths.ts';
import type { State, TargetName } from '../state.ts';
import { endLeftoverMariadb, startMariadb } from './mariadb.ts';
import { shellTarget } from './shell.ts';
import { endLeftoverSshd, startSshd } from './sshd.ts';
import { Missing, type Target } from './target.ts';
import { startWeb } from './web.ts';

export interface Started {
  readonly targets: readonly Target[];
  /** What would be there if something were installed. */
  readonly missing: readonly string[];
  /** What is installed and does not work. */
  readonly remarks: readonly string[];
}

/** Starts what can be started on this machine, all at once. One that fails is told of and takes nothing along. */
export async function startTargets(paths: Paths, state: State, ports: Readonly<Record<TargetName, number>>): Promise<Started> {
  const starts: readonly (readonly [string, () => Promise<Target>])[] = [
    ['MySQL', () => startMariadb(paths.mariadb, ports.mariadb, state.mariadbPassword)],
    ['HTTP', () => startWeb(ports.web)],
    ['SSH', () => startSshd(paths.ssh, ports.sshd)],
    ['Commands', async () => shellTarget()],
  ];
  const results = await Promise.allSettled(starts.map(async ([, start]) => start()));
  const failures = results.flatMap((result, index) => (result.status === 'rejected' ? [[starts[index]?.[0] ?? '', result.reason]] : []));
  const line = ([title, error]: unknown[]): string => `${title}: ${error instanceof Error ? error.message : String(error)}`;
  return {
    targets: results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])),
    missing: failures.filter(([, error]) => error instanceof Missing).map(line),
    remarks: failures.filter(([, error]) => !(error instanceof Missing)).map(line),
  };
}

/** Ends the servers that a killed start left running: they hold the ports that are wanted. */
export async function endLeftoverTargets(paths: Paths): Promise<void> {
  await Promise.all([endLeftoverMariadb(paths.mariadb), endLeftoverSshd(paths.ssh)]);
}
