import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { protocolOf } from '@hoop/core/connection';
import { allProtocols, protocolNamed } from '@hoop/protocols/all';
import type { ZodType } from 'zod';

const page = readFileSync(new URL('../../docs/connections.md', import.meta.url), 'utf8');

/** The section that has a protocol's settings. Those of HTTP and of commands are not a list of names: they are tried instead. */
const SECTIONS: Readonly<Record<string, string>> = {
  postgres: 'PostgreSQL',
  mysql: 'MySQL and MariaDB',
  ssh: 'SSH',
  http: 'HTTP',
  tcp: 'TCP',
  terminal: 'Commands',
};

interface Row {
  readonly name: string;
  /** `required`, '' for none, or the value. */
  readonly usual: string;
  readonly meaning: string;
}

function section(title: string): string {
  const text = page.split(/^## /m).find((part) => part.startsWith(`${title}\n`));
  assert.ok(text, `docs/connections.md has a section "${title}"`);
  return text;
}

function settings(title: string): Row[] {
  const rows = section(title).matchAll(/^\| `(?<name>[A-Z_<>]+)` \| (?<usual>[^|]*)\| (?<meaning>[^|]*) \|$/gm);
  return [...rows].map(({ groups }) => ({
    name: groups?.name ?? '',
    usual: (groups?.usual ?? '').trim().replaceAll('`', ''),
    meaning: groups?.meaning ?? '',
  }));
}

/** Fields of a schema; undefined where it takes any names. */
function shapeOf(schema: ZodType): Readonly<Record<string, ZodType>> | undefined {
  return (schema as unknown as { shape?: Record<string, ZodType> }).shape;
}

function usualOf(schema: ZodType): string {
  const result = schema.safeParse(undefined);
  return result.success ? String(result.data) : 'required';
}

describe('the page on connections', () => {
  it('has a section for every protocol that is spoken', () => {
    for (const { name } of allProtocols()) section(SECTIONS[name] ?? `a section for ${name}, which SECTIONS in this test names`);
  });

  for (const { name, settings: schema } of allProtocols()) {
    const shape = shapeOf(schema);
    if (!shape) continue;
    it(`has every setting of ${name}, with its default, and no other`, () => {
      const rows = settings(SECTIONS[name] ?? '');
      const told = Object.fromEntries(rows.map((row) => [row.name, row.usual]));
      assert.deepEqual(told, Object.fromEntries(Object.entries(shape).map(([field, type]) => [field, usualOf(type)])));
    });
  }

  it('names every mode of TLS', () => {
    for (const title of ['PostgreSQL', 'MySQL and MariaDB']) {
      const meaning = settings(title).find(({ name }) => name === 'SSLMODE')?.meaning ?? '';
      for (const mode of ['disable', 'prefer', 'require', 'verify-ca', 'verify-full']) assert.match(meaning, new RegExp(`\`${mode}\``));
    }
  });

  it('has every setting of HTTP and Kubernetes, and no other', () => {
    const schema = protocolNamed('http')?.settings;
    const rows = [...settings('HTTP'), ...settings('Kubernetes')].map(({ name }) => name);
    const takes = (name: string): boolean => {
      const { error } = schema?.safeParse({ REMOTE_URL: 'https://service', [name]: 'https://service' }) ?? {};
      return !error?.issues.some(({ path, message }) => path[0] === name && message.includes('is no setting'));
    };
    assert.ok(!takes('NO_SUCH_SETTING'));
    for (const name of rows) assert.ok(takes(name.replace('<NAME>', 'X_TEAM')), `${name} is a setting`);
    const folder = new URL('../../packages/protocols/src/http/', import.meta.url);
    const source = readdirSync(folder).includes('settings.ts') ? readFileSync(new URL('settings.ts', folder), 'utf8') : '';
    const mentioned = new Set([...source.matchAll(/'([A-Z][A-Z_]+)'/g)].map((match) => match[1] ?? ''));
    const known = [...mentioned].filter((name) => takes(name) && !name.endsWith('_'));
    assert.ok(known.length > 5);
    for (const name of known) assert.ok(rows.includes(name), `${name} has a row`);
  });

  it('names types that lead to the protocol of their section, and refers to files that are there', () => {
    for (const [name, title] of Object.entries(SECTIONS)) {
      const [first = ''] = section(title).split('```');
      const types = [...first.matchAll(/`([a-z]+)(?:\/([a-z-]+))?`/g)];
      assert.ok(types.length > 0, title);
      for (const [written, type = '', subtype = ''] of types) assert.equal(protocolOf(type, subtype), name, written);
    }
    for (const [, path] of page.matchAll(/\]\((\.\.\/[^)]+)\)/g))
      assert.ok(existsSync(new URL(`../../docs/${path}`, import.meta.url)), path);
  });
});
