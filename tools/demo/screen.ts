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

export interface Summary {
  readonly apiUrl: string;
  readonly email: string;
  readonly password: string;
  readonly nativePort: number;
  readonly agentsPort: number;
  readonly database: string;
  readonly envFile: string;
  readonly gatewayLog: string;
  /** Things that a person must know: a port that was taken, a file that was left alone. */
  readonly remarks: readonly string[];
}

/** What runs, and what to type. */
export function summary(facts: Summary): string {
  const row = (name: string, value: string, remark = ''): string => `  ${name.padEnd(10)}${value}${remark ? dim(`  ${remark}`) : ''}`;
  const type = (command: string, remark: string): string => `    ${cyan(command)}${remark ? `\n${dim(`      ${remark}`)}` : ''}`;
  return [
    '',
    `${green('●')} ${bold('hoop is running')}${dim('   Ctrl-C stops it, and keeps the data')}`,
    '',
    row('API', facts.apiUrl, `${facts.apiUrl}/api/openapiv3.json describes it`),
    row('Admin', facts.email, `password ${facts.password}`),
    row('Database', facts.database, `through the gateway: port ${facts.nativePort}, agents: port ${facts.agentsPort}`),
    row('Policy', 'e-mail addresses are hidden, dropping customers or orders is denied, everything is recorded'),
    row('Log', facts.gatewayLog),
    ...facts.remarks.map((remark) => `  ${yellow('!')} ${remark}`),
    '',
    `  ${bold('Next, in another terminal')}`,
    '',
    type(`. ${quote(facts.envFile)}`, 'sets $PGURL and what else stands here, and puts hoop on PATH'),
    type(
      `psql "$PGURL" -c 'select name, email, city from customers limit 5'`,
      'any PostgreSQL client; the e-mail column comes back hidden',
    ),
    type(`psql "$PGURL" -c 'drop table orders'`, 'denied, with the reason'),
    type(`hoop exec demo -i 'select count(*) from orders'`, ''),
    type('hoop connect demo', 'a port on this machine; any user name and password do there'),
    type('hoop admin get sessions', 'who did what'),
    '',
  ].join('\n');
}
