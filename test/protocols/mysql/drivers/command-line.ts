import { Program } from '../../../support/program.ts';
import { until } from '../../../support/until.ts';
import type { Answer, Client, ClientKind } from '../../column.ts';
import type { Place } from '../../place.ts';

/** Options for the client of the command line: nothing of the user's own, rows only. */
export function mariadbArgs({ host, port, user, secret }: Place, more: readonly string[] = []): string[] {
  return ['--no-defaults', '-h', host, '-P', String(port), '-u', user, `-p${secret}`, ...more];
}

/** The client as people have it, fed line by line. */
class CommandLineSession implements Client {
  readonly ended: Promise<string>;
  readonly #program: Program;
  #asked = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(program: Program) {
    this.#program = program;
    this.ended = program.done.then(({ stderr }) => stderr.trim());
  }

  /** It reads its next line when the last one is answered. */
  ask(text: string): Promise<Answer> {
    const answer = this.#turn.then(() => this.#ask(text));
    this.#turn = answer;
    return answer;
  }

  async leave(): Promise<void> {
    this.#program.endInput();
    await this.#program.done;
  }

  async #ask(text: string): Promise<Answer> {
    const mark = `=== ${++this.#asked} ===`;
    this.#program.stdout = '';
    this.#program.stderr = '';
    this.#program.say(`${text};\n\\! echo "${mark}"\n\\! echo "${mark}" 1>&2\n`);
    await until(
      `the client answers ${text.slice(0, 80)}`,
      () => (this.#program.stdout.includes(mark) && this.#program.stderr.includes(mark)) || this.#program.child.exitCode !== null,
      60_000,
    );
    const before = (output: string): string => output.split(mark)[0] ?? '';
    const rows = before(this.#program.stdout)
      .split('\n')
      .filter((line) => line !== '');
    const error = before(this.#program.stderr).trim();
    return error === '' ? { rows } : { rows, error };
  }
}

export const commandLine: ClientKind = {
  name: 'mariadb',
  skills: new Set(),
  async open(place) {
    const program = new Program('mariadb', mariadbArgs(place, ['--ssl', '--batch', '--unbuffered', '--force', '-N']));
    const session = new CommandLineSession(program);
    const { error } = await session.ask('select 1');
    if (error === undefined) return session;
    await session.leave();
    throw new Error(error);
  },
};
