import { Refusal } from '@hoop/core/errors';
import type { RuleText, TimeWindow } from './rule-text.ts';

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const DAY_MINUTES = 24 * 60;

/** Whether a rule holds now, and for this user. */
export type Condition = (now_ms: number) => boolean;

const ALWAYS: Condition = () => true;
const NEVER: Condition = () => false;

/**
 * When and for whom a rule holds.
 * @param groups of the user; undefined when nobody said: then it holds for them
 * @throws Refusal `invalid_rule` for a time zone or a time of day that is none
 */
export function compileCondition({ groups: wanted, time_window }: RuleText, groups: readonly string[] | undefined): Condition {
  if (wanted && groups) {
    const isOne = (names: readonly string[]): boolean => names.some((name) => groups.includes(name));
    if (wanted.only && wanted.only.length > 0 && !isOne(wanted.only)) return NEVER;
    if (wanted.except && isOne(wanted.except)) return NEVER;
  }
  return time_window ? compileWindow(time_window) : ALWAYS;
}

function compileWindow(window: TimeWindow): Condition {
  const from = minutesOf(window.from ?? '00:00');
  const to = minutesOf(window.to ?? '24:00');
  const days = new Set<string>(window.days && window.days.length > 0 ? window.days : DAYS);
  const clock = clockIn(window.time_zone ?? 'UTC');
  const holds = (now_ms: number): boolean => {
    const { day, minute } = clock(now_ms);
    const isOn = (index: number): boolean => days.has(DAYS[(index + 7) % 7] ?? '');
    // Past midnight the window still belongs to the day on which it began.
    const isInside =
      from < to ? isOn(day) && minute >= from && minute < to : (isOn(day) && minute >= from) || (isOn(day - 1) && minute < to);
    return isInside !== (window.outside === true);
  };
  return oncePerMinute(holds);
}

/** To ask the calendar costs more than to judge a statement. */
function oncePerMinute(holds: Condition): Condition {
  let minute = Number.NaN;
  let held = false;
  return (now_ms) => {
    const now = Math.floor(now_ms / 60_000);
    if (now !== minute) {
      held = holds(now_ms);
      minute = now;
    }
    return held;
  };
}

function minutesOf(text: string): number {
  const parts = /^(\d{2}):(\d{2})$/.exec(text);
  const minutes = Number(parts?.[1]) * 60 + Number(parts?.[2]);
  if (!parts || Number(parts[2]) > 59 || minutes > DAY_MINUTES)
    throw new Refusal('invalid_rule', `A time of day is written as 08:30, up to 24:00; ${JSON.stringify(text)} is not one`);
  return minutes;
}

function clockIn(timeZone: string): (now_ms: number) => { day: number; minute: number } {
  const format = formatIn(timeZone);
  return (now_ms) => {
    const parts = new Map(format.formatToParts(now_ms).map(({ type, value }) => [type, value]));
    const day = DAYS.indexOf((parts.get('weekday') ?? '').toLowerCase() as (typeof DAYS)[number]);
    return { day, minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')) };
  };
}

function formatIn(timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  } catch (cause) {
    throw new Refusal('invalid_rule', `There is no time zone ${JSON.stringify(timeZone)}; write it as Europe/Berlin, or UTC`, { cause });
  }
}
