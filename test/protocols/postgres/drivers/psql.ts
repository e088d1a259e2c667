import { Program } from '../../../support/program.ts';
import { until } from '../../../support/until.ts';
import type { Answer, Client, ClientKind } from '../../column.ts';
import type { Place } from '../../place.ts';

/** Options and environment for psql: nothing of the user's own, tuples only. */
export function psqlCall(place: Place, more: readonly string[] = [], sslmode = 'require'): { args: string[]; env: Record<string, string> } {
  const { host, port, user, secret } = place;
  return {
    args: ['-X', '-q', '-A', '-t', '-h', host, '-p', String(port), '-U', user, '-d', user, ...more],
    env: { PGPASSWORD: secret, PGSSLMODE: sslmode, PGCONNECT_TIMEOUT: '30' },
  };
}

/** psql as people have it, fed line by line. */
class PsqlSession implements Client {
  readonly ended: Promise<string>;
  readonly #program: Program;
  #asked = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(program: Program) {
    this.#program = program;
    this.ended = program.done.then(({ stderr }) => stderr.trim());
  }

  /** psql reads its next line when the last one is answered. */
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
    this.#program.say(`${text};\n\\echo ${mark} :ERROR :LAST_ERROR_MESSAGE\n`);
    const pattern = new RegExp(`^([\\s\\S]*?)${mark} (true|false) ?(.*)\\n`);
    const heard = await until(
      `psql answers ${text.slice(0, 80)}`,
      () =>
        pattern.exec(this.#program.stdout) ?? (this.#program.child.exitCode !== null && (['', '', 'true', this.#program.stderr] as const)),
      60_000,
    );
    const rows = (heard[1] ?? '').split('\n').filter((line) => line !== '');
    return heard[2] === 'true' ? { rows, error: heard[3] ?? '' } : { rows };
  }
}

export const psql: ClientKind = {
  name: 'psql',
  skills: new Set(),
  sends: (text) => `${text};`,
  async open(place) {
    const { args, env } = psqlCall(place);
    const program = new Program('psql', args, { env });
    const session = new PsqlSession(program);
    const { error } = await session.ask('select 1');
    if (error === undefined) return session;
    await session.leave();
    throw new Error(error);
  },
};
