import { env } from '../env.ts';
import { quote } from './env-file.ts';

const colour = env.NO_COLOR ? false : Boolean(env.FORCE_COLOR) || process.stdout.isTTY === true;
const paint =
  (code: string) =>
  (text: string): string =>
    colour ? `\x1b[${code}m${text}\x1b[0m` : text;

export const bold = paint('1');
export const dim = paint('2');
export const green = paint('32');
export const yellow = paint('33');
export const cyan = paint('36');

/** Something that can be tried. */
export interface Trial {
  readonly title: string;
  readonly what: string;
  /** What to type, and what it shows. */
  readonly commands: readonly (readonly [command: string, remark: string])[];
}

export interface Summary {
  readonly apiUrl: string;
  readonly email: string;
  readonly password: string;
  readonly envFile: string;
  readonly gatewayLog: string;
  readonly trials: readonly Trial[];
  /** Things that a person must know: a port that was taken, a file that was left alone. */
  readonly remarks: readonly string[];
  /** Things that would be there if something were installed. */
  readonly missing: readonly string[];
}

/** Commands up to this width have their remarks in one column. */
const COMMAND_WIDTH = 68;

/** What runs, and what to type. */
export function summary(facts: Summary): string {
  const row = (name: string, value: string, remark = ''): string => `  ${name.padEnd(12)}${value}${remark ? dim(`  ${remark}`) : ''}`;
  const type = (command: string, remark: string): string => `    ${cyan(command.padEnd(COMMAND_WIDTH))}${dim(`  ${remark}`)}`;
  return [
    '',
    `${green('●')} ${bold('hoop is running')}${dim('   Ctrl-C stops it, and keeps the data')}`,
    '',
    row('API', facts.apiUrl, '/api/openapiv3.json describes it'),
    row('Admin', facts.email, `password ${facts.password}`),
    row('Log', facts.gatewayLog),
    ...facts.remarks.map((remark) => `  ${yellow('!')} ${remark}`),
    '',
    `  ${bold('Next, in another terminal')}`,
    type(`. ${quote(facts.envFile)}`, 'sets $PGURL and the others, puts hoop on PATH'),
    ...facts.trials.flatMap(({ title, what, commands }) => [
      `  ${bold(title.padEnd(12))}${dim(what)}`,
      ...commands.map(([command, remark]) => type(command, remark)),
    ]),
    ...facts.missing.map((remark) => dim(`  ${remark}`)),
    `  ${bold('And then')}`,
    type('hoop admin get sessions', 'who did what'),
    '',
  ].join('\n');
}
