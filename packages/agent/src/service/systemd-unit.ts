import { DRAIN_MS_MAX } from '@hoop/core/limits';
import { EXIT_REFUSED } from '../exit-code.ts';

export interface UnitOptions {
  readonly scope: 'user' | 'system';
  /** Absolute paths first: systemd looks nothing up. */
  readonly command: readonly string[];
  readonly envFile: string;
  /** `systemd-notify` is here: without it nobody could tell systemd that the agent is ready. */
  readonly notifies: boolean;
}

/** The agent asks for the watchdog three times as often. */
const WATCHDOG_S = 90;
const RESTART_S = 3;
/** The agent calls itself ready after a third of it, linked or not. */
const START_S_MAX = 60;
/** Beyond the drain: what a drain ends may still be cancelled at its target. */
const STOP_S_MAX = DRAIN_MS_MAX / 1000 + 15;

/**
 * The unit (systemd.service(5)). It holds no secret: those are in the environment file.
 * Hardening that systemd offers is left out where it would reach into the commands of sessions: a jump host's `sudo`, `ping` and
 * `kubectl` need set-uid programs, the home directory and whatever else the person who installs it may use.
 */
export function unitText({ scope, command, envFile, notifies }: UnitOptions): string {
  const manager = scope === 'user' ? 'systemctl --user' : 'systemctl';
  const lines = [
    '# Written by `hoop agent start`, which overwrites changes. What you want to change goes into a drop-in:',
    `#   ${manager} edit hoop-agent`,
    '[Unit]',
    'Description=hoop agent, which reaches databases and servers for the access gateway',
    ...(scope === 'system' ? ['Wants=network-online.target', 'After=network-online.target'] : []),
    '# A gateway may be away for as long as it likes.',
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    ...(notifies
      ? [
          'Type=notify',
          '# The notices come from systemd-notify, a child of the agent.',
          'NotifyAccess=all',
          `TimeoutStartSec=${START_S_MAX}`,
          `WatchdogSec=${WATCHDOG_S}`,
        ]
      : ['Type=exec']),
    `ExecStart=${commandLine(command)}`,
    `EnvironmentFile=${envFile.replaceAll('%', '%%')}`,
    'Restart=always',
    `RestartSec=${RESTART_S}`,
    '# The gateway does not take the key, or a setting is wrong: only a person can help.',
    `RestartPreventExitStatus=${EXIT_REFUSED}`,
    "# The agent drains; its sessions' programs are not to be told to stop before it is done.",
    'KillMode=mixed',
    `TimeoutStopSec=${STOP_S_MAX}`,
    '# A command of a session that runs out of memory takes nobody else with it.',
    'OOMPolicy=continue',
    '# A core would hold passwords.',
    'LimitCORE=0',
    '# No NoNewPrivileges=, ProtectHome= or ProtectSystem=: they would hold for the commands of sessions too, and break',
    '# sudo, ping, ssh and kubectl on a jump host. Where sessions only reach databases, add them in a drop-in.',
    '',
    '[Install]',
    `WantedBy=${scope === 'user' ? 'default.target' : 'multi-user.target'}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** A command line (systemd.service(5), "COMMAND LINES") in which no specifier and no variable is meant. The program itself knows no variables. */
function commandLine([program = '', ...args]: readonly string[]): string {
  return [quoted(program), ...args.map((word) => quoted(word.replaceAll('$', '$$$$')))].join(' ');
}

function quoted(word: string): string {
  if (/^[A-Za-z0-9_./:=@+,-]+$/.test(word)) return word;
  return `"${word.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%').replaceAll('\n', '\\n')}"`;
}
