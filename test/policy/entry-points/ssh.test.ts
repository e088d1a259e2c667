import type { Place } from '../../protocols/place.ts';
import { sshColumn } from '../../protocols/ssh/column.ts';
import { openSsh2, type Ssh2Channel, ssh2 } from '../../protocols/ssh/drivers/ssh2.ts';
import { until } from '../../support/until.ts';
import { COMMAND_CASE } from './cases.ts';
import { connected, type EntryPoint, hoopExec, natively, restExec, type Way } from './entry.ts';
import { proveEntryPoints } from './matrix.ts';

const column = sshColumn();

/** How a shell says that it waits for a line. */
const PROMPT = /[$#] $/;

/** A shell in a terminal, ready for a line. */
class SshTerminal {
  readonly #channel: Ssh2Channel;
  shown = '';
  isOver = false;

  private constructor(channel: Ssh2Channel, leave: () => void) {
    this.#channel = channel;
    channel.on('data', (bytes: Buffer) => {
      this.shown += bytes.toString();
    });
    channel.stderr.on('data', (bytes: Buffer) => {
      this.shown += bytes.toString();
    });
    channel.once('close', () => {
      this.isOver = true;
      leave();
    });
  }

  static async open(place: Place): Promise<SshTerminal> {
    const { client } = await openSsh2(place);
    const channel = await new Promise<Ssh2Channel>((resolve, reject) => {
      client.shell({ term: 'xterm', cols: 200, rows: 24 }, (error, opened) => (error ? reject(error) : resolve(opened)));
    });
    const terminal = new SshTerminal(channel, () => client.end());
    await until('a prompt', () => PROMPT.test(terminal.shown));
    return terminal;
  }

  /** Types a line. Resolves with what was shown until the next prompt, or the end. */
  ask(text: string): Promise<string> {
    const from = this.shown.length;
    this.#channel.write(`${text}\r`);
    const heard = (): string => this.shown.slice(from);
    return until('a prompt behind the line', () => (this.isOver || PROMPT.test(heard())) && heard());
  }

  leave(): void {
    this.#channel.close();
  }
}

/** A shell in which lines are typed, one after the other. What ends it is heard, and another one is begun. */
function typed(name: string, placeOf: (way: Way) => Place): EntryPoint {
  return {
    name,
    async open(way) {
      let terminal = await SshTerminal.open(placeOf(way));
      return {
        async ask(text) {
          if (terminal.isOver) terminal = await SshTerminal.open(placeOf(way));
          return terminal.ask(text);
        },
        leave: async () => terminal.leave(),
      };
    },
  };
}

const shells = [
  typed('a line in a shell at the native port', ({ native }) => native),
  typed('a line in a shell through hoop connect', ({ local }) => local),
];

proveEntryPoints({
  protocol: 'ssh',
  kind: column.kind,
  texts: column.texts,
  cases: [COMMAND_CASE],
  entries: [...column.clients.map(natively), connected(ssh2), ...shells, restExec, hoopExec],
  async startTarget() {
    const target = await column.startTarget();
    return { settings: (await target.place()).settings, close: () => target.close() };
  },
});
