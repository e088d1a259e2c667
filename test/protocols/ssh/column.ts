import { readdirSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { sharedDirectory, TestSshd } from '../../support/test-sshd.ts';
import type { Column, Target, Texts } from '../column.ts';
import type { Place, TargetPlace } from '../place.ts';
import { openssh } from './drivers/openssh.ts';
import { openSsh2, ssh2 } from './drivers/ssh2.ts';
import { SSH_KIND } from './lab.ts';

const work = sharedDirectory('ssh-column');

/** Longer lines are not written by one program alone. */
const LINE_BYTES_MAX = 1_000;

const texts: Texts = {
  answer: (word) => `echo '${word}'`,
  answerLate: (word, delay_ms) => `sleep ${delay_ms / 1000}; echo '${word}'`,
  rows: (count, bytes = 8) =>
    bytes <= LINE_BYTES_MAX
      ? `yes ${'x'.repeat(bytes)} | head -n ${count}`
      : `for i in $(seq ${count}); do head -c ${bytes} /dev/zero | tr '\\0' x; echo; done`,
  endless: () => 'exec sleep 600',
  mark: (word) => `echo '${word}' >> ${join(work, 'marks')}`,
  failing: { text: 'cat /nowhere-at-all', words: 'No such file or directory' },
  change: (rows) => `seq ${rows} | tee ${join(work, 'numbers')}`,
};

class SshPlace implements TargetPlace {
  readonly settings: Record<string, string>;
  readonly quickest: Record<string, string>;
  readonly wrongPassword: Record<string, string>;
  readonly #sshd: TestSshd;

  constructor(sshd: TestSshd) {
    this.#sshd = sshd;
    this.settings = sshd.settings();
    this.quickest = this.settings;
    this.wrongPassword = { ...sshd.settings({ AUTHORIZED_SERVER_KEYS: '' }), PASS: 'not the password' };
  }

  async marks(): Promise<string[]> {
    return readFileSync(join(work, 'marks'), 'utf8').split('\n').slice(0, -1);
  }

  /** Connections, and commands that have outlived theirs. */
  async sessions(): Promise<number> {
    const own = readdirSync('/proc').flatMap((pid) => (/^\d+$/.test(pid) ? [processOf(pid)] : []));
    const connections = own.filter((each) => each?.parent === this.#sshd.pid).length;
    const commands = own.filter((each) => each?.environment.includes(`HOOP_PLACE=${this.#sshd.directory}`)).length;
    return Math.max(connections, commands);
  }

  close(): Promise<void> {
    return this.#sshd.stop();
  }
}

function processOf(pid: string): { parent: number; environment: string } | undefined {
  try {
    const parent = Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]);
    return { parent, environment: readFileSync(`/proc/${pid}/environ`, 'utf8') };
  } catch {
    // It has ended meanwhile, or is not ours.
    return undefined;
  }
}

class SshTarget implements Target {
  readonly #places: SshPlace[] = [];

  async place(): Promise<TargetPlace> {
    const place = new SshPlace(await TestSshd.start());
    this.#places.push(place);
    return place;
  }

  nowhere(): Record<string, string> {
    // Port 1 is nobody's.
    return { HOST: '127.0.0.1', PORT: '1', USER: 'nobody', PASS: 'none' };
  }

  async close(): Promise<void> {
    await Promise.all(this.#places.map((place) => place.close()));
  }
}

/** What a server says to bytes that are not its protocol's. */
function heardAfter({ host, port }: Place, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = '';
    const socket = net.connect(port, host, () => socket.write(bytes));
    socket.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
    });
    socket.once('error', reject);
    socket.once('end', () => {
      socket.destroy();
      resolve(heard);
    });
  });
}

/** The words after which the session is over, when a file transfer begins with a packet of this length. */
async function heardAfterPacket(place: Place, length: number): Promise<string> {
  const { client, ended } = await openSsh2(place);
  client.subsys('sftp', (_error, channel) => {
    const packet = Buffer.alloc(16, 3);
    packet.writeUInt32BE(length);
    channel.write(packet);
  });
  return ended;
}

export function sshColumn(): Column {
  return {
    shortSessions: 200,
    protocol: 'ssh',
    kind: SSH_KIND,
    clients: [ssh2, openssh],
    texts,
    startTarget: async () => new SshTarget(),
    breaks: {
      'garbage before login': (place) => heardAfter(place, 'GET / HTTP/1.1\r\nHost: here\r\n\r\n'),
      'oversize message': (place) => heardAfterPacket(place, 300_000),
      'impossible length': (place) => heardAfterPacket(place, 3),
    },
    words: {
      'target down': /cannot be reached: connection refused/,
      'wrong target password': /refuses the connection's own user, password or key; an administrator must correct/,
      'agent offline': /agent of this connection is offline/,
      'unknown secret': /secret is unknown or was revoked/,
      killed: /The session was ended by admin@example.test/,
      revoked: /The credential of this session was revoked/,
      expired: /secret has expired/,
      oversize: /over the gateway's limit/,
      cancelled: /cancelled by (signal |SIG)INT/,
    },
  };
}
