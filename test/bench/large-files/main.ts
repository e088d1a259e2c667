import { randomBytes } from 'node:crypto';
import { chmodSync, closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { sharedDirectory } from '../../support/test-sshd.ts';
import { Product } from '../product.ts';
import { residentMiB, table } from '../stack.ts';
import { type Carrier, type Source, sha256OfFile } from './carrier.ts';
import { httpCarrier } from './http.ts';
import { mysqlCarrier } from './mysql.ts';
import { sshCarrier } from './ssh.ts';

/** Does a large file arrive as it was, by every tool that people bring files with, and what do gateway and agent hold meanwhile? */
export interface LargeFilesOptions {
  readonly megabytes: number;
}

export interface Journey {
  readonly name: string;
  /** By how much gateway or agent grew at most, whichever grew more. */
  readonly growth_MiB: number;
}

const SAMPLE_MS = 50;
const LINE_BYTES = 1000;

/** @throws Error when something else arrived than was sent */
export async function largeFiles({ megabytes }: LargeFilesOptions, say: (line: string) => void): Promise<readonly Journey[]> {
  const source = await newSource(Math.ceil(megabytes * 1e6));
  const journeys: Journey[] = [];
  const rows: (readonly (string | number)[])[] = [];
  for (const start of [sshCarrier, httpCarrier, mysqlCarrier]) {
    await using product = await Product.start('gateway + agent');
    await using carrier: Carrier = await start(product);
    for (const [name, carry] of Object.entries(carrier.journeys)) {
      const began = performance.now();
      const { result, growth_MiB } = await watched(product, () => carry(source));
      if (result !== source.sha256) throw new Error(`${name}: what arrived is not what was sent`);
      journeys.push({ name, growth_MiB });
      rows.push([name, ((performance.now() - began) / 1000).toFixed(1), growth_MiB]);
    }
  }
  say(`\n${megabytes} MB by every tool; what arrived has the hash of what was sent\n`);
  say(table(['tool', 's', 'MiB that gateway or agent grew'], rows));
  return journeys;
}

async function watched<T>({ processes }: Product, work: () => Promise<T>): Promise<{ result: T; growth_MiB: number }> {
  const before = processes.map(({ pid }) => residentMiB(pid));
  let growth_MiB = 0;
  const look = (): void => {
    processes.forEach(({ pid }, index) => {
      growth_MiB = Math.max(growth_MiB, residentMiB(pid) - (before[index] ?? 0));
    });
  };
  const over = new AbortController();
  const looking = (async () => {
    while (!over.signal.aborted) {
      look();
      await pause(SAMPLE_MS, undefined, { ref: false });
    }
  })();
  try {
    const result = await work();
    look();
    return { result, growth_MiB };
  } finally {
    over.abort();
    await looking;
  }
}

/** Lines of random hexadecimal digits, each of them numbered, so that no piece can stand for another. */
async function newSource(bytes: number): Promise<Source> {
  const path = join(sharedDirectory('source'), 'file');
  const file = openSync(path, 'w');
  const random = randomBytes(LINE_BYTES / 2).toString('hex');
  const lines = Math.ceil(bytes / LINE_BYTES);
  for (let at = 0; at < lines; at += 1000) {
    let block = '';
    for (let line = at; line < Math.min(at + 1000, lines); line++) {
      const number = `${line}-`;
      block += `${number}${random.slice(number.length + 1)}\n`;
    }
    writeSync(file, block);
  }
  closeSync(file);
  chmodSync(path, 0o644);
  return { path, bytes: lines * LINE_BYTES, sha256: await sha256OfFile(path) };
}
