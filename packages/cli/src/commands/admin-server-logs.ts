import type { Client } from '@hoop/contract/client';
import { listServerLogs, type ServerLog } from '@hoop/contract/routes/server-logs';
import type { Context } from '../context.ts';
import { usage } from '../failure.ts';
import { openGateway } from '../gateway.ts';
import { printable } from '../output/table.ts';
import { print, type Terminal } from '../output/terminal.ts';
import { parseDuration } from '../output/time.ts';
import { pause } from '../pause.ts';

export interface LogOptions {
  readonly agent?: string;
  readonly level?: ServerLog['level'];
  readonly since?: string;
  readonly limit?: string;
  readonly follow?: boolean;
  readonly json?: boolean;
}

/** How often `--follow` asks. */
const FOLLOW_MS = 1_000;

/** How far back it asks each time: by so much the clock of an agent may be behind, and its entries are still seen. */
const SKEW_MS = 30_000;

/** As the API takes and gives them. */
const LIMIT_MAX = 1_000;
const LIMIT_DEFAULT = 200;

/** `hoop admin get serverlogs`: the oldest first, a line each; with `--follow` what comes, too, until Ctrl-C. */
export async function get(context: Context, options: LogOptions): Promise<void> {
  const filter = filterOf(context, options);
  const { client } = openGateway(context);
  const show = (entry: ServerLog): void =>
    print(context.terminal, options.json === true ? JSON.stringify(entry) : lineOf(context.terminal, entry));
  const limit = limitOption(options.limit);
  const first = await client.call(listServerLogs, { query: { ...filter, limit: options.follow === true ? LIMIT_MAX : limit } });
  for (const entry of first.slice(-limit)) show(entry);
  if (options.follow === true) await follow(context, client, filter, first, show);
}

interface Filter {
  readonly agent?: string;
  readonly level?: ServerLog['level'];
  readonly since?: string;
}

function limitOption(given: string | undefined): number {
  if (given === undefined) return LIMIT_DEFAULT;
  const limit = Number(given);
  if (/^\d+$/.test(given) && limit >= 1 && limit <= LIMIT_MAX) return limit;
  throw usage(`--limit is a number from 1 to ${LIMIT_MAX}`);
}

function filterOf(context: Context, options: LogOptions): Filter {
  return {
    ...(options.agent === undefined ? {} : { agent: options.agent }),
    ...(options.level === undefined ? {} : { level: options.level }),
    ...(options.since === undefined ? {} : { since: momentOf(options.since, context.now()) }),
  };
}

/** `10m` means ten minutes ago; anything else is a date. */
function momentOf(text: string, now_ms: number): string {
  const ago_s = parseDuration(text);
  const at_ms = ago_s === undefined ? Date.parse(text) : now_ms - ago_s * 1_000;
  if (Number.isNaN(at_ms)) throw usage(`--since "${text}" is neither a duration, such as 10m, nor a date`);
  return new Date(at_ms).toISOString();
}

/** Asks again and again for the last while, and shows what the answer before did not hold. */
async function follow(
  context: Context,
  client: Client,
  filter: Filter,
  first: readonly ServerLog[],
  show: (entry: ServerLog) => void,
): Promise<void> {
  const stop = context.stopSignal();
  let last = first;
  while (!stop.aborted) {
    await pause(FOLLOW_MS, stop);
    if (stop.aborted) return;
    const since = sinceOf(last, filter.since ?? new Date(context.now() - SKEW_MS).toISOString());
    const entries = await client.call(listServerLogs, { query: { ...filter, since, limit: LIMIT_MAX } });
    const known = countsOf(last);
    for (const entry of entries) {
      const text = JSON.stringify(entry);
      const count = known.get(text) ?? 0;
      if (count > 0) known.set(text, count - 1);
      else show(entry);
    }
    last = entries;
  }
}

function sinceOf(last: readonly ServerLog[], otherwise: string): string {
  const newest = last.reduce((found, { time }) => (time > found ? time : found), '');
  return newest === '' ? otherwise : new Date(Date.parse(newest) - SKEW_MS).toISOString();
}

/** How often each entry is there: one and the same may be logged twice in a moment. */
function countsOf(entries: readonly ServerLog[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const entry of entries) {
    const text = JSON.stringify(entry);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return counts;
}

function lineOf({ outStyle }: Terminal, { time, level, agent, message, facts }: ServerLog): string {
  const paint = level === 'error' || level === 'fatal' ? outStyle.red : level === 'warn' ? outStyle.yellow : String;
  const rest = facts === '{}' || facts === '' ? '' : ` ${outStyle.dim(printable(facts))}`;
  return `${time} ${paint(level.toUpperCase().padEnd(5))} ${printable(agent || 'gateway')}: ${printable(message)}${rest}`;
}
