import { encodeTerminalMessage, StartMessage, TERMINAL_FRAMES } from '@hoop/contract/terminal';
import { StreamWire } from '@hoop/tunnel/stream-wire';
import { CommandClient } from '../../protocols/terminal/lab.ts';
import { until } from '../../support/until.ts';
import { COMMAND_CASE } from './cases.ts';
import { type EntryPoint, hoopExec, restExec, type Way } from './entry.ts';
import { proveEntryPoints } from './matrix.ts';

async function sit({ link, access, system }: Way, start: Partial<StartMessage>, verb: 'connect' | 'exec'): Promise<CommandClient> {
  const stream = await link.openConnection(access.connection, system.office.token, verb);
  const first = encodeTerminalMessage(TERMINAL_FRAMES.start, StartMessage.parse({ mode: 'pty', ...start }));
  return new CommandClient(new StreamWire(stream, 'test'), first);
}

const heardBy = ({ stdout, stderr, notices }: CommandClient): string => [stdout, stderr, ...notices].join('\n');

/** A terminal with a shell that is ready. */
async function ready(way: Way): Promise<CommandClient> {
  const client = await sit(way, {}, 'connect');
  await client.shows(/ready> $/);
  return client;
}

/** A terminal in which lines are typed, one after the other. What ends the session is heard, and another one is begun. */
const typed: EntryPoint = {
  name: 'a line in a terminal',
  async open(way) {
    let client = await ready(way);
    return {
      async ask(text) {
        if (client.exit) client = await ready(way);
        const shown = client.stdout.length;
        const told = client.notices.length;
        await client.type(`${text}\r`);
        const heard = (): string => [client.stdout.slice(shown), ...client.notices.slice(told)].join('\n');
        return until('a prompt behind the line', () => (client.exit || /ready> $/.test(client.stdout.slice(shown))) && heard());
      },
      async leave() {
        client.leave();
      },
    };
  },
};

/** A script on the command's standard input, as `hoop exec` sends it. */
const piped: EntryPoint = {
  name: 'a script through the tunnel',
  open: async (way) => ({
    async ask(text) {
      const client = await sit(way, { mode: 'pipe' }, 'exec');
      await client.script(text);
      return heardBy(await client.ended());
    },
    leave: async () => undefined,
  }),
};

proveEntryPoints({
  protocol: 'terminal',
  kind: { type: 'custom', subtype: '', command: ['bash', '--noprofile', '--norc'] },
  texts: {
    answer: (word) => `echo '${word}'`,
    rows: (count, bytes = 8) => `yes ${'x'.repeat(bytes)} | head -n ${count}`,
  },
  cases: [COMMAND_CASE],
  entries: [typed, piped, restExec, hoopExec],
  startTarget: async () => ({ settings: { PS1: 'ready> ' }, close: async () => undefined }),
});
