import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';

/** A file that is to be brought through the product, and its hash. */
export interface Source {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** One tool that brings a file. Each journey gives the hash of what arrived, as the other side has it. */
export interface Carrier extends AsyncDisposable {
  readonly journeys: Readonly<Record<string, (source: Source) => Promise<string>>>;
}

export async function sha256Of(stream: Readable): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

export function sha256OfFile(path: string): Promise<string> {
  return sha256Of(createReadStream(path, { highWaterMark: 1 << 20 }));
}
