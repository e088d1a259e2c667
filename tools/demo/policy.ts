import type { Client } from '@hoop/contract/client';
import type { BodyInput } from '@hoop/contract/route';
import { routes } from '@hoop/contract/routes/all';
import { CONNECTION, type Connected } from './api.ts';
import { MARIADB } from './targets/mariadb.ts';
import { SHELL } from './targets/shell.ts';
import { SSH } from './targets/sshd.ts';
import { WEB } from './targets/web.ts';

interface Rule {
  readonly name: string;
  readonly description: string;
  readonly pattern: string;
  readonly message: string;
  readonly on: readonly string[];
}

/** What is denied, and where. Little enough for people who try the demo with tools of their own. */
const GUARDRAILS: readonly Rule[] = [
  {
    name: 'demo-tables-stay',
    description: 'Denies DROP TABLE on customers and orders',
    pattern: '\\bdrop\\s+table\\b[^;]*\\b(customers|orders)\\b',
    message: 'The tables of the demo stay. Try it on a table of your own',
    on: [CONNECTION, MARIADB],
  },
  {
    name: 'demo-customers-stay',
    description: 'Denies DELETE over HTTP',
    pattern: '^DELETE ',
    message: 'The customers of the demo stay. GET works',
    on: [WEB],
  },
  {
    name: 'demo-no-shadow',
    description: 'Denies commands that name the file of passwords',
    pattern: '/etc/shadow\\b',
    message: 'Passwords are nobody’s business here. Read another file',
    on: [SHELL, SSH],
  },
];

const MASK = { name: 'demo-e-mail', description: 'Hides e-mail addresses', on: [CONNECTION, MARIADB, WEB, SHELL] };

/**
 * Rules that deny and one that hides, so that there is something to see. A rule that is there stays as a person may have changed it;
 * only connections that are new come under it.
 */
export async function ensurePolicy(client: Client, connected: ReadonlyMap<string, Connected>): Promise<void> {
  const idsOf = (on: readonly string[], which: (found: Connected) => boolean = () => true): string[] =>
    on.flatMap((name) => {
      const found = connected.get(name);
      return found && which(found) ? [found.id] : [];
    });
  const isFresh = ({ fresh }: Connected): boolean => fresh;
  for (const rule of GUARDRAILS) await ensureGuardrail(client, rule, idsOf(rule.on), idsOf(rule.on, isFresh));
  await ensureMask(client, idsOf(MASK.on), idsOf(MASK.on, isFresh));
}

async function ensureGuardrail(client: Client, rule: Rule, all: string[], fresh: readonly string[]): Promise<void> {
  const { name, description, pattern, message } = rule;
  const existing = (await client.call(routes.listGuardrails)).find((other) => other.name === name);
  if (!existing) {
    const rules = [{ type: 'pattern_match' as const, pattern_regex: pattern, message }];
    await client.call(routes.createGuardrail, { body: { name, description, input: { rules }, connection_ids: all } });
    return;
  }
  for (const id of fresh) {
    const params = { nameOrID: id };
    const { guardrail_rules } = await client.call(routes.getConnection, { params });
    if (guardrail_rules.includes(existing.id)) continue;
    await client.call(routes.patchConnection, { params, body: { guardrail_rules: [...guardrail_rules, existing.id] } });
  }
}

async function ensureMask(client: Client, all: string[], fresh: readonly string[]): Promise<void> {
  const { name, description } = MASK;
  const existing = (await client.call(routes.listMaskingRules)).find((other) => other.name === name);
  if (!existing) {
    const supported_entity_types = [{ name: 'contact', entity_types: ['EMAIL_ADDRESS'] }];
    await client.call(routes.createMaskingRule, { body: { name, description, supported_entity_types, connection_ids: all } });
    return;
  }
  const added = fresh.filter((id) => !existing.connection_ids.includes(id));
  if (added.length === 0) return;
  // What else stands in it goes back as it came: the route takes what it gives.
  const body = { ...existing, connection_ids: [...existing.connection_ids, ...added] } as BodyInput<typeof routes.replaceMaskingRule>;
  await client.call(routes.replaceMaskingRule, { params: { id: existing.id }, body });
}
