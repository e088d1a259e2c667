import type { MaskCounts } from '@hoop/core/gate';
import { entityMask, maskableEntities } from '@hoop/policy/masks';

export interface MaskingOptions {
  readonly megabytes: number;
  readonly rounds: number;
}

export interface MaskingRate {
  readonly rows: string;
  readonly entities: string;
  /** Megabytes a second: of the quick look at whole chunks, and of masking, cell by cell, what it suspects. */
  readonly look_MBps: number;
  readonly mask_MBps: number;
}

const CHUNK_BYTES = 64 * 1024;

/** What a database answers, made of cells; the same in every run. */
const ROWS: Readonly<Record<string, (row: number) => readonly string[]>> = {
  clean: (row) => [
    `${row % 100_000}`,
    'shipped, waiting for the carrier at the northern gate',
    ['green', 'violet', 'amber'][row % 3] ?? '',
    `a longer remark that somebody typed about order ${row % 1_000}, which arrived on time and without damage`,
    `${(row % 977) / 4}`,
  ],
  dense: (row) => [
    `ada.lovelace${row}@example.org`,
    '4111 1111 1111 1111',
    '536-90-4399',
    `+44 20 7946 0${100 + (row % 800)}`,
    'DE89370400440532013000',
    `10.1.${row % 250}.7`,
    '2026-11-21 10:11:12',
    'Ada Lovelace, 10 Downing Street, London',
  ],
  // Nothing that is remembered of a value is of use here.
  'dense, all different': (row) => [
    `ada.lovelace${row}@example.org`,
    cardOf(row),
    `${100 + (row % 500)}-${10 + (Math.floor(row / 500) % 80)}-${1000 + (row % 8_999)}`,
    `+44 20 ${1_000 + (row % 8_999)} ${1_000 + (Math.floor(row / 7) % 8_999)}`,
    `10.${row % 199}.${Math.floor(row / 199) % 250}.7`,
    `2026-11-21 10:${10 + (row % 49)}:${10 + (Math.floor(row / 49) % 49)}.${row % 1_000}`,
    `Ada Lovelace, ${row} Downing Street, London`,
  ],
};

/** A number that could be a card's: with a check digit by Luhn. */
function cardOf(row: number): string {
  const digits = `4111${String(row).padStart(11, '0')}`;
  let sum = 0;
  for (let at = 0; at < digits.length; at++) {
    const value = Number(digits[at]) * (at % 2 === 0 ? 2 : 1);
    sum += value > 9 ? value - 9 : value;
  }
  return `${digits}${(10 - (sum % 10)) % 10}`.replace(/(\d{4})(?=\d)/g, '$1 ');
}

const ENTITIES: Readonly<Record<string, () => readonly string[]>> = {
  'e-mail and card': () => ['EMAIL_ADDRESS', 'CREDIT_CARD'],
  'all but names and places': () => maskableEntities().filter((entity) => !['PERSON', 'LOCATION', 'NRP'].includes(entity)),
  all: maskableEntities,
};

/** How much one core masks: how quick is the look that decides that nothing is there, and how quick the rest? */
export function masking({ megabytes, rounds }: MaskingOptions, say: (line: string) => void): MaskingRate[] {
  say('| rows | entities | look, MB/s | mask, MB/s |');
  say('| --- | --- | --- | --- |');
  const rates: MaskingRate[] = [];
  for (const [rows, cellsOf] of Object.entries(ROWS)) {
    const chunks = chunksOf(cellsOf, megabytes * 1_000_000);
    for (const [entities, list] of Object.entries(ENTITIES)) {
      const mask = entityMask(list());
      const look = best(rounds, chunks, ({ whole }) => Number(mask.suspects(whole)));
      const counts: MaskCounts = {};
      const work = best(rounds, chunks, ({ whole, cells }) => {
        if (!mask.suspects(whole)) return 0;
        let changed = 0;
        // As an adapter does it: where the cell stands in what was read, which is another one each time.
        const read = Buffer.from(whole);
        for (let at = 0; at < cells.length; at += 2) if (mask.hideIn?.(read, cells[at] ?? 0, cells[at + 1] ?? 0, counts)) changed++;
        return changed;
      });
      const bytes = chunks.reduce((sum, { whole }) => sum + whole.length, 0);
      const rate = { rows, entities, look_MBps: Math.round(bytes / look / 1_000), mask_MBps: Math.round(bytes / work / 1_000) };
      rates.push(rate);
      say(`| ${rows} | ${entities} | ${rate.look_MBps} | ${rate.mask_MBps} |`);
    }
  }
  return rates;
}

/** Milliseconds for all chunks, each in the round in which it was disturbed least; the first round does not count. */
function best(rounds: number, chunks: readonly Chunk[], work: (chunk: Chunk) => number): number {
  const least = new Float64Array(chunks.length).fill(Number.POSITIVE_INFINITY);
  for (let round = 0; round <= rounds; round++) {
    for (const [index, chunk] of chunks.entries()) {
      const started = performance.now();
      work(chunk);
      const took = performance.now() - started;
      if (round > 0) least[index] = Math.min(least[index] ?? took, took);
    }
  }
  return least.reduce((sum, took) => sum + took, 0);
}

interface Chunk {
  readonly whole: Buffer;
  /** Where each cell begins and ends. */
  readonly cells: Uint32Array;
}

/** Cells with their lengths in front, as they come over a wire, in chunks as they are read. */
function chunksOf(cellsOf: (row: number) => readonly string[], bytes: number): Chunk[] {
  const chunks: Chunk[] = [];
  let row = 0;
  for (let made = 0; made < bytes; made += CHUNK_BYTES) {
    const parts: Buffer[] = [];
    const cells: number[] = [];
    for (let size = 0; size < CHUNK_BYTES; row++) {
      for (const text of cellsOf(row)) {
        const cell = Buffer.from(text);
        const length = Buffer.alloc(4);
        length.writeInt32BE(cell.length);
        parts.push(length, cell);
        cells.push(size + 4, size + 4 + cell.length);
        size += cell.length + 4;
      }
    }
    chunks.push({ whole: Buffer.concat(parts), cells: Uint32Array.from(cells) });
  }
  return chunks;
}
