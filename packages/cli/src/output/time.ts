import { usage } from '../failure.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** How long ago something was, in the two characters that a table has room for: `12s`, `5m`, `3h`, `9d`. */
export function ageOf(since: string | number | Date | null | undefined, now_ms: number): string {
  if (since === null || since === undefined || since === '') return '-';
  const age_ms = now_ms - new Date(since).getTime();
  if (Number.isNaN(age_ms)) return '-';
  if (age_ms < MINUTE_MS) return `${Math.max(0, Math.floor(age_ms / 1000))}s`;
  if (age_ms < HOUR_MS) return `${Math.floor(age_ms / MINUTE_MS)}m`;
  if (age_ms < DAY_MS) return `${Math.floor(age_ms / HOUR_MS)}h`;
  return `${Math.floor(age_ms / DAY_MS)}d`;
}

/** A span for people: `850 µs`, `12.3 ms`, `4.2 s`, `3 min`. */
export function spanOf(duration_us: number): string {
  if (duration_us < 1_000) return `${duration_us} µs`;
  if (duration_us < 1_000_000) return `${(duration_us / 1_000).toFixed(1)} ms`;
  if (duration_us < 120_000_000) return `${(duration_us / 1_000_000).toFixed(1)} s`;
  return `${Math.round(duration_us / 60_000_000)} min`;
}

/** A size for people: `17 B`, `1.2 KiB`. */
export function sizeOf(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** A moment as people type it, `2026-11-21`, `2026-11-21T08:00:00Z`, or how long ago it is, `30d`; as the API takes it. @throws Failure `usage` */
export function momentAgo(flag: string, text: string, now_ms: number): string {
  const ago_s = /^\d+$/.test(text) ? undefined : parseDuration(text);
  const moment = new Date(ago_s === undefined ? text : now_ms - ago_s * 1_000);
  if (!Number.isNaN(moment.getTime())) return moment.toISOString();
  throw usage(`${flag} "${text}" is no time. Write how long ago, such as 30d or 12h, or a date such as 2026-11-21 or 2026-11-21T08:00:00Z`);
}

const UNITS_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** A duration as people type it, `90s`, `30m`, `1h30m`, in seconds; undefined when it is none. A bare number is seconds. */
export function parseDuration(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  if (!/^(\d+[smhd])+$/.test(text)) return undefined;
  let total_s = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([smhd])/g)) total_s += Number(count) * (UNITS_S[unit ?? ''] ?? 0);
  return total_s;
}
