import { constants, realpathSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { Misconfigured } from '@hoop/core/errors';
import { invalidReference, notFound, objectOf, type SecretDocument, unreadable, valuesOf } from './document.ts';
import { SECRET_FILE_BYTES_MAX } from './limits.ts';

/** Where containers get their secrets; a plain host has no such directory, so nothing can be read there until one is named. */
export const SECRETS_DIRECTORY = '/run/secrets';

/** Where clusters put the credentials of the agent itself. */
const WORKLOAD_IDENTITY = ['kubernetes.io', 'eks.amazonaws.com'];

/** Files of the agent's host in one directory, and in none other. */
export class HostFiles {
  readonly #directory: string;
  readonly #isChosen: boolean;

  /** `directory`: from HOOP_SECRETS_DIR. Without it only files that lie directly in the usual place. @throws Misconfigured `agent_config` */
  constructor(directory: string | undefined) {
    if (directory !== undefined && !isAbsolute(directory)) {
      throw new Misconfigured('agent_config', 'HOOP_SECRETS_DIR is no absolute path; write it from / on');
    }
    this.#directory = directory ?? SECRETS_DIRECTORY;
    this.#isChosen = directory !== undefined;
  }

  /** A file's text, without the newline that editors put at its end. @throws Misconfigured with what to do */
  async text(name: string): Promise<string> {
    const path = this.#inside(name);
    // The path was resolved: a link in its last place now was put there since.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const handle = await open(path, flags).catch(() => {
      throw unreadable(`${name} in ${this.#directory} cannot be read by the agent; give its user the right to`);
    });
    try {
      const { size } = await this.#checked(handle, name);
      const { bytesRead, buffer } = await handle.read({ buffer: Buffer.alloc(size), position: 0 });
      return buffer
        .subarray(0, bytesRead)
        .toString('utf8')
        .replace(/\r?\n$/, '');
    } finally {
      await handle.close();
    }
  }

  /** A file that holds a JSON object. It is read anew each time, so its time is over at once. */
  async document(name: string): Promise<SecretDocument> {
    const object = objectOf(await this.text(name));
    if (!object) throw notFound(`${name} in ${this.#directory} holds no JSON object; leave the key out to take the whole file`);
    return { values: valuesOf(object), ttl_ms: 0 };
  }

  async #checked(handle: Awaited<ReturnType<typeof open>>, name: string): Promise<{ readonly size: number }> {
    const stat = await handle.stat();
    if (!stat.isFile()) throw invalidReference(`${name} in ${this.#directory} is no file; name one`);
    if (stat.size > SECRET_FILE_BYTES_MAX) {
      throw unreadable(`${name} in ${this.#directory} has more than ${SECRET_FILE_BYTES_MAX} bytes; name another`);
    }
    return stat;
  }

  /** The path behind all links, which must lie in the directory. */
  #inside(name: string): string {
    const steps = name.split('/');
    if (steps.some((step) => step === '' || step === '.' || step === '..')) {
      throw invalidReference(`a file's name is relative to ${this.#directory} and has no ..; write it so`);
    }
    if (!this.#isChosen && steps.length > 1) {
      throw invalidReference(`only files directly in ${this.#directory} may be named; set HOOP_SECRETS_DIR of the agent to go deeper`);
    }
    const root = resolved(this.#directory);
    const path = root === undefined ? undefined : resolved(join(root, name));
    if (root === undefined || path === undefined) {
      throw notFound(`there is no ${name} in ${this.#directory} of the agent's host; put it there, or set HOOP_SECRETS_DIR`);
    }
    const below = relative(root, path).split(sep);
    if (below[0] === '..' || below[0] === '') throw invalidReference(`${name} leads out of ${this.#directory}; put the file itself there`);
    if (below.some((step) => WORKLOAD_IDENTITY.includes(step))) {
      throw invalidReference(`${name} is a credential of the agent itself, which no connection may read; name another file`);
    }
    return path;
  }
}

function resolved(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
