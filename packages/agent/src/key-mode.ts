import { type AgentMode, parseDsn } from '@hoop/contract/agent-key';
import { Misconfigured } from '@hoop/core/errors';

/** @throws Misconfigured `key_mode` for a key that is for `hoop run` */
export function requireStandardKey(key: string): void {
  const { mode } = parseDsn(key);
  if (mode === 'standard') return;
  throw new Misconfigured(
    'key_mode',
    `HOOP_KEY is ${KINDS[mode]}, which works with \`hoop run\` only. ` +
      'For `hoop start agent` and `hoop agent start` make one with `hoop admin create agent NAME`',
  );
}

/** @throws Misconfigured `key_mode` for a key that is for an agent on its own */
export function requireEmbeddedKey(key: string): void {
  const { mode } = parseDsn(key);
  if (mode !== 'standard') return;
  throw new Misconfigured(
    'key_mode',
    'HOOP_KEY is a standard agent key, which works with `hoop start agent` and `hoop agent start` only. ' +
      'For `hoop run` make one with `hoop admin create agent NAME --mode embedded`, or take the organization key: `hoop admin get orgkeys`',
  );
}

const KINDS: Readonly<Record<AgentMode, string>> = {
  standard: 'a standard agent key',
  embedded: 'an embedded agent key',
  'multi-connection': 'an organization key',
};
