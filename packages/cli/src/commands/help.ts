import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { EXEC_EXIT_NOTE, EXIT_MEANINGS } from '../exit-codes.ts';
import { usage } from '../failure.ts';
import { renderTable } from '../output/table.ts';
import type { Terminal } from '../output/terminal.ts';

const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ['HOOP_HOME', 'where the configuration lives; ~/.hoop when not set'],
  ['HOOP_API_URL', 'the gateway; HOOP_APIURL works too. Another one than in config.toml: nothing of that file is used'],
  ['HOOP_GRPCURL', "where the gateway's tunnel listens, such as grpcs://host:8010; the gateway is asked when not set"],
  ['HOOP_TOKEN', 'a token, instead of `hoop login`'],
  ['HOOP_TLSCA', "the authority of the gateway's certificate: PEM, base64://… or file://…"],
  ['HOOP_TLS_SKIP_VERIFY', 'true: trust any certificate; for a trial only'],
  ['HOOP_EMAIL, HOOP_PASSWORD', 'for `hoop login` where nobody can be asked'],
  ['HOOP_KEY', 'for `hoop start agent`, `hoop agent start` and `hoop run`: the key that `hoop admin create agent` printed'],
  ['HOOP_DB_URI', 'for `hoop run`: the database that it offers'],
  ['HOOP_LOG_FILE', 'for `hoop run`: where its agent logs; off for nowhere'],
  ['HOOP_NODE', 'another Node.js 24 to run this program on'],
  ['NO_COLOR', 'set to anything: no colours'],
];

const TOPICS: Readonly<Record<string, (terminal: Terminal) => void>> = {
  'exit-codes': (terminal) => void terminal.stdout.write(`${renderTable(['CODE', 'MEANING'], EXIT_MEANINGS)}\n${EXEC_EXIT_NOTE}\n`),
  environment: (terminal) => void terminal.stdout.write(renderTable(['NAME', 'MEANING'], ENVIRONMENT)),
};

/** `hoop help [COMMAND…]`, `hoop help exit-codes`, `hoop help environment`. */
export function help(context: Context, program: Command, words: readonly string[]): void {
  const [first] = words;
  const topic = words.length === 1 && first !== undefined ? TOPICS[first] : undefined;
  if (topic) {
    topic(context.terminal);
    return;
  }
  let command = program;
  for (const word of words) {
    const next = command.commands.find((child) => child.name() === word || child.aliases().includes(word));
    if (next === undefined) throw usage(`There is no help on "${words.join(' ')}". \`hoop help\` shows the commands`);
    command = next;
  }
  command.outputHelp();
}
