import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { routes } from '@hoop/contract/routes/all';
import type { SessionAction } from '@hoop/contract/routes/sessions';
import type { Access, Policy } from '../../support/office.ts';
import { Program, type ProgramOptions, type ProgramResult } from '../../support/program.ts';
import { System, type SystemOptions } from '../../support/system.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { TestSshd } from '../../support/test-sshd.ts';
import { until } from '../../support/until.ts';

/** What a connection of this protocol is, as the API names it. */
export const SSH_KIND = { type: 'application', subtype: 'ssh' } as const;

/** A host, a system in front of it, and OpenSSH's clients for both. */
export class Lab {
  readonly sshd: TestSshd;
  readonly system: System;
  readonly directory: string;
  readonly #askpass: string;
  readonly #knownHosts: string;
  readonly #programs = new Set<Program>();

  private constructor(sshd: TestSshd, system: System, hostKey: string) {
    this.sshd = sshd;
    this.system = system;
    this.directory = temporaryDirectory('ssh');
    this.#askpass = join(this.directory, 'askpass');
    writeFileSync(this.#askpass, '#!/bin/sh\nprintf "%s\\n" "$SECRET"\n', { mode: 0o700 });
    this.#knownHosts = join(this.directory, 'known_hosts');
    writeFileSync(this.#knownHosts, `gateway ${hostKey}\n`);
  }

  static async start(agent: SystemOptions['agent'] = 'tunnel', values: SystemOptions['values'] = {}): Promise<Lab> {
    const system = await System.start({ agent, values });
    const { ssh_host_key = '' } = await system.office.api.call(routes.getServerInfo);
    return new Lab(await TestSshd.start(), system, ssh_host_key);
  }

  /** A connection to the host, and a secret for it. */
  access(policy?: Policy, more: Readonly<Record<string, string>> = {}): Promise<Access> {
    return this.system.access(this.sshd.settings(more), policy, SSH_KIND);
  }

  /** Options that every OpenSSH client takes for a way through the system. The gateway's host key is known, and no other is taken. */
  options({ host, port }: Pick<Access, 'host' | 'port'>): string[] {
    return [
      ...['-F', 'none', '-o', `Port=${port}`, '-o', `HostName=${host}`, '-o', `UserKnownHostsFile=${this.#knownHosts}`],
      ...['-o', 'GlobalKnownHostsFile=none', '-o', 'StrictHostKeyChecking=yes', '-o', 'HostKeyAlias=gateway', '-o', 'LogLevel=INFO'],
      ...['-o', 'PubkeyAuthentication=no', '-o', 'NumberOfPasswordPrompts=1'],
    ];
  }

  /** The environment in which OpenSSH's clients find the secret. */
  env(access: Access): Record<string, string> {
    return { SECRET: access.secret, SSH_ASKPASS: this.#askpass, SSH_ASKPASS_REQUIRE: 'force', HOME: this.directory };
  }

  /** Starts `ssh` through the system. */
  ssh(access: Access, args: readonly string[], options: ProgramOptions = {}): Program {
    return this.program('ssh', [...this.options(access), ...args], access, options);
  }

  /** Runs a command on the host through the system. */
  run(access: Access, command: string, input = ''): Promise<ProgramResult> {
    return this.ssh(access, ['-T', `${access.connection}@gateway`, command], { input }).done;
  }

  program(name: string, args: readonly string[], access: Access, options: ProgramOptions = {}): Program {
    const program = new Program(name, args, { ...options, env: { ...this.env(access), ...options.env } });
    this.#programs.add(program);
    void program.done.finally(() => this.#programs.delete(program));
    return program;
  }

  /** Options for a way past the system. */
  directOptions(): string[] {
    return [
      ...['-F', 'none', '-i', this.sshd.keyFile('user'), '-o', `Port=${this.sshd.port}`, '-o', 'HostName=127.0.0.1'],
      ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'],
    ];
  }

  /** What the newest session on a connection did, once this many actions are there and all that were let through have ended. */
  actions(access: Access, count: number): Promise<SessionAction[]> {
    return until(`${count} settled actions on ${access.connection}`, async () => {
      const session = (await this.system.office.sessions(access.connection)).at(-1);
      const actions = session ? await this.system.office.actions(session.id) : [];
      return actions.length >= count && actions.every(({ verdict, outcome }) => verdict === 'deny' || outcome) && actions;
    });
  }

  /** Ends what a test left open. */
  tidyUp(): void {
    for (const program of this.#programs) program.child.kill('SIGKILL');
  }

  async close(): Promise<void> {
    this.tidyUp();
    await this.system.close();
    await this.sshd.stop();
  }
}
