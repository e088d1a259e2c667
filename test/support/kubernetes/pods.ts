import { EventEmitter } from 'node:events';
import { mkdirSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { temporaryDirectory } from '../temporary.ts';
import { type Channels, runRemotely } from './remote-command.ts';

/** The pods of a cluster: what runs in them runs on this machine, and their logs are what a test writes. */
export class Pods {
  readonly #directory = temporaryDirectory('pods');
  readonly #logs = new EventEmitter();
  readonly #written = new Map<string, string>();

  constructor() {
    this.#logs.setMaxListeners(0);
  }

  /** Where a pod's commands run. */
  directoryOf(pod: string): string {
    const directory = join(this.#directory, pod);
    mkdirSync(directory, { recursive: true });
    return directory;
  }

  /** What a pod's program prints. */
  log(pod: string, text: string): void {
    this.#written.set(pod, (this.#written.get(pod) ?? '') + text);
    this.#logs.emit(pod, text);
  }

  /** Who follows a pod's log. */
  followers(pod: string): number {
    return this.#logs.listenerCount(pod);
  }

  /** Answers with a pod's log; one who follows it gets what comes until they leave. */
  tellLog(pod: string, follow: boolean, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.write(this.#written.get(pod) ?? '');
    if (!follow) {
      response.end();
      return;
    }
    const tell = (text: string): void => void response.write(text);
    this.#logs.on(pod, tell);
    response.once('close', () => this.#logs.off(pod, tell));
  }

  /** Runs a command in a pod. What a pod's own program does with its input is not told apart: without a command, it says it again. */
  run(pod: string, command: readonly string[] | undefined, tty: boolean, channels: Channels): void {
    runRemotely(command ?? ['cat'], this.directoryOf(pod), tty, channels);
  }
}
