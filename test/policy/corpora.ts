import { readFileSync } from 'node:fs';
import type { Dialect } from '@hoop/core/protocol';
import { PACKS, packNamed } from '@hoop/policy/packs/all';
import { type CompiledPolicy, compilePolicy } from '@hoop/policy/rules';

/** What a corpus is written in: a dialect of SQL, or command lines. */
export type Language = Dialect | 'command';

export const LANGUAGES: readonly Language[] = ['postgres', 'mysql', 'mssql', 'command'];

/** A text that must not pass a pack, and the class of attacks that it belongs to. */
export interface Evasion {
  readonly attack: string;
  readonly pack: string;
  readonly text: string;
}

/** These files only ever grow. */
export function evasionsIn(language: Language): readonly Evasion[] {
  return JSON.parse(read(`bypass/${language}.json`)) as readonly Evasion[];
}

/** Texts of daily work, which all packs together must let pass. */
export function benignIn(language: Language): readonly string[] {
  return JSON.parse(read(`benign/${language}.json`)) as readonly string[];
}

function read(file: string): string {
  return readFileSync(new URL(file, import.meta.url), 'utf8');
}

/** The rules of packs alone, as an agent would compile them for such a connection. */
export function policyOf(
  language: Language,
  packs: readonly string[] = PACKS.filter(({ fits }) => fits === language).map(({ id }) => id),
): CompiledPolicy {
  const guardrails = packs.map((id) => ({ name: id, input: packNamed(id)?.rules ?? [], output: [] }));
  return compilePolicy({ revision: 1, guardrails, masks: [] }, language === 'command' ? undefined : language);
}

/** What the gate would hear of a text. */
export async function denialOf(policy: CompiledPolicy, language: Language, text: string): Promise<string | undefined> {
  const verdict = await policy.judge({ seq: 1, text, via: language === 'command' ? 'exec' : 'query' });
  return verdict.allow === false ? verdict.denial.message : undefined;
}
