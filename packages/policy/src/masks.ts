import { Refusal } from '@hoop/core/errors';
import type { Mask, MaskCounts } from '@hoop/core/gate';
import { ALIASES } from './detectors/all.ts';
import { type CompiledCustom, type CustomEntity, compileCustom } from './detectors/custom.ts';
import { ENTITIES, type Finding, Search } from './detectors/search.ts';
import { isRemote, mayBeRemote, type Remote, type RemoteLook, remoteSuspects } from './remote.ts';
import { fillRange, keepsLength, MASK_BYTE, STRATEGIES, type Strategy, standIn } from './strategies.ts';

/** A masking rule; the same shape in the tunnel. */
export interface MaskText {
  readonly name: string;
  /** Names of entities, with those of `custom` among them. */
  readonly entities: readonly string[];
  readonly custom?: readonly CustomEntity[] | undefined;
  /** The least score that is hidden, between 0 and 1. */
  readonly threshold?: number | undefined;
  readonly strategy?: Strategy | undefined;
  /** How many bytes at the end of a value `partial` shows. */
  readonly keep?: number | undefined;
  /** Patterns of columns that are hidden whole, such as `*email*` or `hr.users.ssn`. */
  readonly columns?: readonly string[] | undefined;
}

export interface MaskOptions {
  /** What hashes and tokens are made with. Without one it is made up for the life of the process. */
  readonly key?: Buffer;
  /** Who is asked for what the detectors here do not know, or know less well. */
  readonly remote?: Remote | undefined;
  /** What becomes of a value that could not be looked at: hidden, unless it is said that it is shown. */
  readonly mode?: MaskMode | undefined;
}

/** `strict`: what a detector failed on is hidden. `best-effort`: it is shown, and counted as `UNCHECKED`. */
export type MaskMode = 'strict' | 'best-effort';

/** As Presidio does, what has only the look of a thing needs a word beside it that says so. */
export const THRESHOLD_DEFAULT = 0.4;
const KEEP_DEFAULT = 4;
const KEEP_MAX = 8;
const CUSTOM_MAX = 100;

/** The entities that can be masked, by Presidio's names. */
export function maskableEntities(): readonly string[] {
  return ENTITIES;
}

/** Hides entities by `#`, from the default score on. @throws Refusal `invalid_rule` for an entity that has no detector */
export function entityMask(entities: readonly string[]): Mask {
  return compileMasks([{ name: '', entities }]);
}

interface Treatment {
  threshold: number;
  strategy: Strategy;
  /** Of the strategy: the strictest has the least. */
  rank: number;
  keep: number;
}

/**
 * One mask of several rules. Where they differ about an entity, the lowest threshold and the strictest strategy win.
 * @throws Refusal `invalid_rule` for what cannot be kept: a promise that cannot be kept is not made
 */
export function compileMasks(rules: readonly MaskText[], options: MaskOptions = {}): Mask {
  const treatments = new Map<string, Treatment>();
  const customs = new Map<string, CompiledCustom>();
  for (const rule of rules) {
    const named = new Set((rule.custom ?? []).map(({ name }) => name));
    for (const custom of rule.custom ?? []) addCustom(customs, rule.name, custom);
    for (const entity of new Set([...rule.entities, ...named])) {
      if (!named.has(entity) && !ENTITIES.includes(entity) && !(options.remote && mayBeRemote(entity))) {
        throw new Refusal('invalid_rule', `The entity ${entity} cannot be masked; use one of ${ENTITIES.join(', ')}`);
      }
      const known = named.has(entity) ? keyOf(rule.name, entity) : (ALIASES[entity] ?? entity);
      treatments.set(known, stricter(treatments.get(known), rule));
    }
  }
  const thresholds = new Map([...treatments].map(([entity, { threshold }]) => [entity, threshold]));
  const remote = [...treatments.keys()].filter((entity) => !entity.includes('\0') && isRemote(entity, ENTITIES.includes(entity)));
  return new EntityMask(new Search(thresholds, [...customs.values()], areAlike([...treatments.values()])), treatments, {
    ...options,
    asked: options.remote && remote.length > 0 ? askedOf(options.remote, remote, thresholds) : undefined,
  });
}

/** Whether it makes no difference to what is shown which of them a value gets. */
function areAlike(treatments: readonly Treatment[]): boolean {
  const first = treatments[0];
  return treatments.every(
    ({ strategy, keep }) => (strategy === 'redact' || strategy === 'partial') && strategy === first?.strategy && keep === first.keep,
  );
}

/** What a mask has others look for. */
interface Asked extends RemoteLook {
  readonly suspects: (bytes: Buffer) => boolean;
}

function askedOf(remote: Remote, entities: readonly string[], thresholds: ReadonlyMap<string, number>): Asked {
  const look = remote.look(entities, Math.min(...entities.map((entity) => thresholds.get(entity) ?? 0)));
  return {
    suspects: remoteSuspects(entities),
    prepare: (texts) => look.prepare(texts),
    found: (text) => look.found(text)?.filter(({ entity, score }) => score >= (thresholds.get(entity) ?? 2)),
  };
}

/** Two rules may use one name for different things. */
function keyOf(rule: string, entity: string): string {
  return `${entity}\0${rule}`;
}

function addCustom(customs: Map<string, CompiledCustom>, rule: string, custom: CustomEntity): void {
  if (ENTITIES.includes(custom.name)) {
    throw new Refusal(
      'invalid_rule',
      `${custom.name} is the name of an entity that is there already. Choose another name for the custom one`,
    );
  }
  const key = keyOf(rule, custom.name);
  if (customs.has(key)) throw new Refusal('invalid_rule', `The custom entity ${custom.name} is there twice`);
  if (customs.size >= CUSTOM_MAX) throw new Refusal('invalid_rule', `There may be at most ${CUSTOM_MAX} custom entities on a connection`);
  customs.set(key, { ...compileCustom(custom), entity: key });
}

function stricter(known: Treatment | undefined, rule: MaskText): Treatment {
  const { threshold = THRESHOLD_DEFAULT, strategy = 'redact', keep = KEEP_DEFAULT } = rule;
  if (!(threshold >= 0 && threshold <= 1)) throw new Refusal('invalid_rule', 'A score threshold must be between 0 and 1');
  if (!STRATEGIES.includes(strategy))
    throw new Refusal('invalid_rule', `Values cannot be masked by ${strategy}; use one of ${STRATEGIES.join(', ')}`);
  if (!Number.isInteger(keep) || keep < 0 || keep > KEEP_MAX) {
    throw new Refusal('invalid_rule', `A partial mask shows between 0 and ${KEEP_MAX} characters`);
  }
  const rank = STRATEGIES.indexOf(strategy);
  if (!known) return { threshold, strategy, rank, keep };
  const isStricter = rank < known.rank;
  return {
    threshold: Math.min(threshold, known.threshold),
    strategy: isStricter ? strategy : known.strategy,
    rank: Math.min(rank, known.rank),
    keep: Math.min(keep, known.keep),
  };
}

/** What an entity is counted as, and what is done to it. */
interface Kind extends Treatment {
  readonly name: string;
  /** How many bytes at its end are shown. */
  readonly shown: number;
}

const REDACT: Treatment = { threshold: 0, strategy: 'redact', rank: STRATEGIES.indexOf('redact'), keep: 0 };

class EntityMask implements Mask {
  readonly keepsLength: boolean;
  readonly suspects: (bytes: Buffer) => boolean;
  readonly suspectsIn: (bytes: Buffer, from: number, to: number) => boolean;
  readonly hideIn?: (bytes: Buffer, from: number, to: number, counts: MaskCounts) => boolean;
  readonly prepare?: (texts: readonly Buffer[]) => Promise<void>;
  readonly #search: Search;
  readonly #kinds: ReadonlyMap<string, Kind>;
  readonly #key: Buffer | undefined;
  readonly #asked: Asked | undefined;
  readonly #isStrict: boolean;

  constructor(
    search: Search,
    treatments: ReadonlyMap<string, Treatment>,
    { key, mode, asked }: MaskOptions & { asked: Asked | undefined },
  ) {
    this.#search = search;
    this.#kinds = new Map([...treatments].map(([entity, treatment]) => [entity, kindOf(entity, treatment)]));
    this.#key = key;
    this.#asked = asked;
    this.#isStrict = mode !== 'best-effort';
    this.suspects = asked ? (bytes) => search.suspects(bytes) || asked.suspects(bytes) : search.suspects;
    this.suspectsIn = asked
      ? (bytes, from, to) => this.suspects(bytes.subarray(from, to))
      : (bytes, from, to) => suspectsIn(search, bytes, from, to);
    const isFixed = [...treatments.values()].every(({ strategy }) => strategy === 'redact' || strategy === 'partial');
    if (isFixed && !asked) this.hideIn = (bytes, from, to, counts) => this.#hideIn(bytes, from, to, counts);
    if (asked) this.prepare = (texts) => asked.prepare(texts.filter((text) => asked.suspects(text)));
    this.keepsLength = [...treatments.values()].every(({ strategy }) => keepsLength(strategy));
  }

  apply(text: Buffer, counts: MaskCounts): Buffer {
    try {
      const findings = this.#find(text, counts);
      return findings.length === 0 ? text : this.#hide(text, findings);
    } catch {
      return this.#unread(text, counts);
    }
  }

  applyToValue(value: Buffer, counts: MaskCounts): Buffer | null {
    try {
      const findings = this.#find(value, counts);
      if (findings.length === 0) return value;
      return findings.some(({ entity }) => this.#kind(entity).strategy === 'null') ? null : this.#hide(value, findings);
    } catch {
      return this.#unread(value, counts);
    }
  }

  #find(text: Buffer, counts: MaskCounts): Finding[] {
    const own = this.#search.find(text);
    const all = this.#asked?.suspects(text) ? [...own, ...this.#othersFound(this.#asked, text, counts)] : own;
    return this.#counted(all, counts);
  }

  #counted(all: Finding[], counts: MaskCounts): Finding[] {
    const findings = all.length > 1 ? merged(all, this.#rank) : all;
    for (let index = 0; index < findings.length; index++) {
      const finding = findings[index];
      if (!finding) continue;
      const { name } = this.#kind(finding.entity);
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return findings;
  }

  #hideIn(bytes: Buffer, start: number, end: number, counts: MaskCounts): boolean {
    try {
      const own = this.#search.findIn(bytes, start, end);
      if (own.length === 0) return false;
      const findings = own.length > 1 ? merged(own, this.#rank) : own;
      for (let index = 0; index < findings.length; index++) {
        const finding = findings[index];
        if (!finding) continue;
        const { name, shown } = this.#kind(finding.entity);
        counts[name] = (counts[name] ?? 0) + 1;
        fillRange(bytes, start + finding.from, start + finding.to, shown);
      }
      return true;
    } catch {
      const value = bytes.subarray(start, end);
      const shown = this.#unread(value, counts);
      if (shown !== value) bytes.set(shown, start);
      return shown !== value;
    }
  }

  /** @throws Error in strict mode, when nobody said what is in it */
  #othersFound(asked: Asked, text: Buffer, counts: MaskCounts): readonly Finding[] {
    const found = asked.found(text);
    if (found) return found;
    if (this.#isStrict) throw new Error('Nobody said what is in a text');
    counts[UNCHECKED] = (counts[UNCHECKED] ?? 0) + 1;
    return [];
  }

  /** A detector failed on a value: what was not looked at is not shown, where nobody has said that it may be. */
  #unread(value: Buffer, counts: MaskCounts): Buffer {
    const name = this.#isStrict ? UNREAD : UNCHECKED;
    counts[name] = (counts[name] ?? 0) + 1;
    return this.#isStrict ? Buffer.alloc(value.length, MASK_BYTE) : value;
  }

  #hide(text: Buffer, findings: readonly Finding[]): Buffer {
    // Inside of a binary format lengths stand before texts, and it must stay whole.
    const isFixed = this.keepsLength || isBinary(text);
    const filled = copyOf(text);
    let parts: Buffer[] | undefined;
    let after = 0;
    for (const { entity, from, to } of findings) {
      const { strategy, shown } = this.#kind(entity);
      if (isFixed || (strategy !== 'hash' && strategy !== 'token')) fillRange(filled, from, to, shown);
      else {
        parts ??= [];
        parts.push(filled.subarray(after, from), standIn(strategy, nameOf(entity), text.subarray(from, to), this.#key));
        after = to;
      }
    }
    return parts ? Buffer.concat([...parts, filled.subarray(after)]) : filled;
  }

  /** The stricter, the less. */
  readonly #rank = (entity: string): number => this.#kind(entity).rank;

  #kind(entity: string): Kind {
    return this.#kinds.get(entity) ?? kindOf(entity, REDACT);
  }
}

function kindOf(entity: string, treatment: Treatment): Kind {
  return { ...treatment, name: nameOf(entity), shown: treatment.strategy === 'partial' ? treatment.keep : 0 };
}

/** What a detector fails on is to be looked at. */
function suspectsIn(search: Search, bytes: Buffer, from: number, to: number): boolean {
  try {
    return search.suspectsIn(bytes, from, to);
  } catch {
    return true;
  }
}

/** What a value is counted as that could not be looked at and was hidden whole. */
export const UNREAD = 'UNREAD';
/** The same of one that was shown, in best-effort mode. */
export const UNCHECKED = 'UNCHECKED';

function nameOf(entity: string): string {
  return entity.split('\0')[0] ?? entity;
}

/** Findings that overlap are one, from where the first begins to where the last ends: of the strictest entity among them, then of the surest. */
function merged(findings: Finding[], rank: (entity: string) => number): Finding[] {
  if (areApart(findings)) return findings;
  sort(findings);
  const result: Finding[] = [];
  let last: Finding | undefined;
  for (let index = 0; index < findings.length; index++) {
    const finding = findings[index];
    if (!finding) continue;
    if (!last || finding.from >= last.to) {
      result.push(finding);
      last = finding;
      continue;
    }
    const order = rank(finding.entity) - rank(last.entity) || last.score - finding.score;
    const best = order < 0 ? finding : last;
    last = { entity: best.entity, score: best.score, from: last.from, to: Math.max(last.to, finding.to) };
    result[result.length - 1] = last;
  }
  return result;
}

/** Whether each begins behind the end of the one before, as nearly all do. */
function areApart(findings: readonly Finding[]): boolean {
  let to = 0;
  for (let index = 0; index < findings.length; index++) {
    const finding = findings[index];
    if (!finding || finding.from < to) return false;
    to = finding.to;
  }
  return true;
}

/** So many are sorted quicker by hand. */
const FEW_FINDINGS = 8;

/** By where they begin, the longest first; those that are alike keep their order. */
function sort(findings: Finding[]): void {
  if (findings.length > FEW_FINDINGS) {
    findings.sort((a, b) => a.from - b.from || b.to - a.to);
    return;
  }
  for (let index = 1; index < findings.length; index++) {
    const finding = findings[index];
    if (!finding) continue;
    let at = index;
    for (; at > 0; at--) {
      const before = findings[at - 1];
      if (!before || !isBefore(finding, before)) break;
      findings[at] = before;
    }
    findings[at] = finding;
  }
}

function isBefore(one: Finding, other: Finding): boolean {
  return one.from < other.from || (one.from === other.from && one.to > other.to);
}

/** Copying a short text byte by byte is quicker than the call that would do it. */
const SHORT_BYTES_MAX = 64;

function copyOf(text: Buffer): Buffer {
  const { length } = text;
  const copy = Buffer.allocUnsafe(length);
  if (length > SHORT_BYTES_MAX) copy.set(text);
  else for (let at = 0; at < length; at++) copy[at] = text[at] ?? 0;
  return copy;
}

function isBinary(text: Buffer): boolean {
  for (let at = 0; at < text.length; at++) if ((text[at] ?? 0) < 0x09) return true;
  return false;
}
