import { Refusal } from '@hoop/core/errors';
import { globMatches } from './glob.ts';
import type { RuleText } from './rule-text.ts';
import { type Finding, needed } from './sql.ts';

/** What a request rule says of a request: a finding, or why the request cannot be told. */
export interface RequestVerdict {
  readonly finding?: Finding;
  readonly unclassified?: string;
}

/**
 * Compiles a rule about requests. It sees what the gate has of one: `METHOD path`, an empty line, and the body.
 * @throws Refusal `invalid_rule`
 */
export function compileRequestRule(text: RuleText): (request: string) => RequestVerdict {
  const methods = (text.methods ?? []).map((method) => method.toUpperCase());
  const paths = needed(text.paths, 'paths', 'request').map((pattern) => pattern.split('/').filter((part) => part !== ''));
  if (paths.some((parts) => parts.some((part) => part.includes('**') && part !== '**')))
    throw new Refusal('invalid_rule', 'In a path ** stands alone between slashes; use * for a part of a name');
  return (request) => {
    const line = request.split('\n', 1)[0] ?? '';
    const [method = '', path = ''] = line.split(' ');
    if (methods.length > 0 && !methods.includes(method.toUpperCase())) return {};
    const parts = pathParts(path);
    if (!parts) return { unclassified: 'its path can be read in more than one way' };
    return paths.some((pattern) => partsMatch(pattern, parts)) ? { finding: { fragment: line } } : {};
  };
}

/** The parts of a path as a server would walk them; undefined when servers differ about it. */
export function pathParts(target: string): readonly string[] | undefined {
  // In the form for proxies the host stands in front.
  const raw = (target.split(/[?#]/, 1)[0] ?? '').replace(/^[a-z][a-z\d+.-]*:\/\/[^/]*/i, '');
  if (/%(25|2f|5c|00|2e)/i.test(raw) || /[\\\0]/.test(raw)) return undefined;
  let decoded: string;
  try {
    decoded = decodeURIComponent(raw);
  } catch {
    return undefined;
  }
  const parts: string[] = [];
  for (const part of decoded.split('/')) {
    // Some servers take what is behind a semicolon for parameters of the part.
    const name = part.split(';', 1)[0] ?? '';
    // `..;` leads upwards for them, and nowhere for the others.
    if (name !== part && /^\.{1,2}$/.test(name)) return undefined;
    if (name === '..') parts.pop();
    else if (name !== '' && name !== '.') parts.push(name);
  }
  return parts;
}

/** `**` stands for any number of parts. Linear in the same way as a glob. */
function partsMatch(pattern: readonly string[], parts: readonly string[]): boolean {
  let at = 0;
  let from = 0;
  let star = -1;
  let resume = 0;
  while (from < parts.length) {
    const wanted = pattern[at];
    if (wanted === '**') {
      star = at++;
      resume = from;
    } else if (wanted !== undefined && globMatches(wanted, parts[from] ?? '')) {
      at++;
      from++;
    } else if (star >= 0) {
      at = star + 1;
      from = ++resume;
    } else return false;
  }
  while (pattern[at] === '**') at++;
  return at === pattern.length;
}
