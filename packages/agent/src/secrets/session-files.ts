import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { lstat, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Misconfigured } from '@hoop/core/errors';
import { LEFTOVER_AGE_MS, LEFTOVER_ASK_MS_MAX, LEFTOVERS_MAX } from './limits.ts';

const PREFIX = 'hoop-agent-';
/** A socket that its agent listens on: while it answers the directory has an owner, whatever process ids have come round since. */
const ALIVE = 'alive';

/** Files of one session: where they are by the setting's name, and how they go away. */
export interface WrittenFiles {
  readonly paths: ReadonlyMap<string, string>;
  /** Twice does no harm. Done when it returns, so that an agent that stops leaves nothing. */
  remove(): void;
}

interface Home {
  readonly path: string;
  readonly alive: net.Server;
}

/**
 * Secrets that programs want as files. Each session has a directory (0700) with a file for each (0600), under names that cannot be guessed,
 * in one directory of this agent, which is made with the first of them.
 */
export class SessionFiles {
  readonly #base: string;
  #home: Promise<Home> | undefined;

  /** `base`: the system's directory for such things, unless told otherwise. */
  constructor(base: string = tmpdir()) {
    this.#base = base;
  }

  /** @throws Misconfigured `secret_files` */
  async write(files: ReadonlyMap<string, Buffer>): Promise<WrittenFiles> {
    let directory: string | undefined;
    const remove = (): void => {
      if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
    };
    try {
      directory = await this.#directory();
      const paths = new Map<string, string>();
      for (const [name, content] of files) {
        const path = join(directory, randomBytes(16).toString('hex'));
        await writeFile(path, content, { mode: 0o600, flag: 'wx' });
        paths.set(name, path);
      }
      return { paths, remove };
    } catch (cause) {
      remove();
      const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
      throw new Misconfigured('secret_files', `The agent cannot write files into ${this.#base}${code}; make room there, or set TMPDIR`);
    }
  }

  /** Ends with the agent. What is still there goes. */
  async close(): Promise<void> {
    const home = await this.#home?.catch(() => undefined);
    this.#home = undefined;
    if (!home) return;
    rmSync(home.path, { recursive: true, force: true });
    home.alive.close();
  }

  /** Removes what agents of this user left that were killed; gives how many. Never what a living agent uses. */
  async removeLeftovers(): Promise<number> {
    const names = (await readdir(this.#base).catch(() => [])).filter((name) => name.startsWith(PREFIX)).slice(0, LEFTOVERS_MAX);
    let removed = 0;
    for (const name of names) {
      const path = join(this.#base, name);
      if (!(await isLeftover(path))) continue;
      await rm(path, { recursive: true, force: true }).then(
        () => removed++,
        () => undefined,
      );
    }
    return removed;
  }

  async #directory(): Promise<string> {
    try {
      return await mkdtemp(join((await this.#ownHome()).path, 's-'));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
      // Something tidies up in there, and took ours for old.
      await this.close();
      return mkdtemp(join((await this.#ownHome()).path, 's-'));
    }
  }

  #ownHome(): Promise<Home> {
    if (this.#home) return this.#home;
    this.#home = makeHome(this.#base).catch((error) => {
      this.#home = undefined;
      throw error;
    });
    // An agent inside another program does not sweep when it starts: that program may never have to do with files.
    void this.#home.then(
      () => this.removeLeftovers(),
      () => undefined,
    );
    return this.#home;
  }
}

async function makeHome(base: string): Promise<Home> {
  const path = await mkdtemp(join(base, PREFIX));
  const alive = net.createServer((asker) => asker.destroy());
  try {
    await new Promise<void>((resolve, reject) => {
      alive.once('error', reject);
      alive.listen(join(path, ALIVE), resolve);
    });
  } catch (error) {
    rmSync(path, { recursive: true, force: true });
    throw error;
  }
  return { path, alive: alive.unref() };
}

/** A directory of ours whose agent does not answer. */
async function isLeftover(path: string): Promise<boolean> {
  const stat = await lstat(path).catch(() => undefined);
  if (!stat?.isDirectory() || stat.uid !== process.getuid?.()) return false;
  const answer = await askAlive(join(path, ALIVE));
  if (answer === 'ENOENT') return Date.now() - stat.mtimeMs > LEFTOVER_AGE_MS;
  return answer === 'ECONNREFUSED';
}

function askAlive(path: string): Promise<string> {
  return new Promise((resolve) => {
    const asker = net.connect(path);
    const done = (answer: string): void => {
      asker.destroy();
      resolve(answer);
    };
    asker.setTimeout(LEFTOVER_ASK_MS_MAX, () => done('late'));
    asker.once('connect', () => done('alive'));
    asker.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? ''));
  });
}
