import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ApiError } from '@hoop/contract/client';
import { routes } from '@hoop/contract/routes/all';
import type { Explanation } from '@hoop/contract/routes/guardrails';
import type { SessionAction } from '@hoop/contract/routes/sessions';
import { protocolNamed } from '@hoop/protocols/all';
import type { Access } from '../../support/office.ts';
import { Reviewer } from '../../support/reviewer.ts';
import { System } from '../../support/system.ts';
import { until } from '../../support/until.ts';
import { type Case, casesOf, outputCaseOf, strangeRules, type WrittenRule } from './cases.ts';
import { type EntryColumn, type EntryPoint, Way } from './entry.ts';

/** What a rule said of a text: the same whoever was asked. */
interface Said {
  readonly verdict: 'block' | 'require_approval' | 'noted' | 'allow';
  readonly rule: string | undefined;
  readonly message: string | undefined;
}

const VERDICTS = { block: 'block', require_approval: 'require_approval', warn: 'noted', log: 'noted', allow: 'allow' } as const;

function explained({ verdict, rule, message }: Pick<Explanation, 'verdict' | 'rule' | 'message'>): Said {
  return { verdict: VERDICTS[verdict], rule, message };
}

function recorded({ verdict, rule, message }: SessionAction): Said {
  const noted = rule === undefined ? 'allow' : 'noted';
  return { verdict: verdict === 'deny' ? 'block' : verdict === 'hold' ? 'require_approval' : noted, rule, message };
}

/** What a person was told, less what only says it in the protocol's way. */
const NOTHING: Said = { verdict: 'allow', rule: undefined, message: undefined };

/**
 * ONE VERDICT EVERYWHERE: every type of rule, every action and every condition, with every way in which a text can come in. The two that
 * only say what would happen, and the audit log, say the same in the same words.
 */
export function proveEntryPoints(column: EntryColumn): void {
  const protocol = protocolNamed(column.protocol);
  assert.ok(protocol, `there is no protocol ${column.protocol}`);
  describe(`one rule has one verdict in ${column.protocol}, whichever way a text comes in`, () => {
    let world: World;
    before(async () => {
      world = await World.start(column);
    });
    after(() => world.close());

    const { answers } = protocol.abilities;
    const cases = casesOf(column).filter(({ rule }) => rule.type !== 'row_limit' || answers.includes('rows'));
    for (const each of answers.includes('forbids') ? [...cases, outputCaseOf(column)] : cases) {
      test(each.name, () => world.prove(each));
    }

    for (const { side, rule } of strangeRules(protocol)) {
      test(`${rule.type} on ${side}, which it cannot keep, is refused when it is saved and when it is tried`, () =>
        world.refuses(side, rule));
    }
  });
}

class World {
  readonly #column: EntryColumn;
  readonly #system: System;
  readonly #target: Awaited<ReturnType<EntryColumn['startTarget']>>;
  readonly #boss: Reviewer;

  private constructor(column: EntryColumn, system: System, target: Awaited<ReturnType<EntryColumn['startTarget']>>, boss: Reviewer) {
    this.#column = column;
    this.#system = system;
    this.#target = target;
    this.#boss = boss;
  }

  static async start(column: EntryColumn): Promise<World> {
    const system = await System.start({ agent: 'tunnel' });
    return new World(column, system, await column.startTarget(), await Reviewer.hire(system.office, 'boss', ['admin']));
  }

  async close(): Promise<void> {
    await this.#system.close();
    await this.#target.close();
  }

  async prove(each: Case): Promise<void> {
    const access = await this.#access();
    await this.#save(access, each);
    const way = await Way.to(this.#system, access);
    const approving = this.#approveAll(access.connection);
    try {
      const proven = await Promise.allSettled(this.#column.entries.map((entry) => this.#proveAt(entry, way, each)));
      for (const one of proven) if (one.status === 'rejected') throw one.reason;
      await this.#proveRecords(access, each);
    } finally {
      await approving.stop();
      way.close();
    }
  }

  async refuses(side: 'input' | 'output', rule: WrittenRule): Promise<void> {
    const access = await this.#access();
    const refusal = (error: unknown): boolean => error instanceof ApiError && error.status === 422;
    await assert.rejects(this.#save(access, { rule, isOutput: side === 'output' }), refusal);
    if (side === 'output') return;
    const { api } = this.#system.office;
    await assert.rejects(api.call(routes.testGuardrails, { body: { connection: access.connection, text: 'x', rules: [rule] } }), refusal);
  }

  async #access(): Promise<Access> {
    const { kind } = this.#column;
    const connection = await this.#system.connection(this.#target.settings, {}, kind);
    const hasPort = protocolNamed(this.#column.protocol)?.ports.native !== undefined;
    if (hasPort) return this.#system.office.credential(connection);
    const { id } = await this.#system.office.api.call(routes.getConnection, { params: { nameOrID: connection } });
    return { host: '', port: 0, connection, connectionId: id, secret: '', credentialId: '' };
  }

  async #save({ connection, connectionId }: Access, { rule, isOutput = false }: Pick<Case, 'rule' | 'isOutput'>): Promise<void> {
    const side = isOutput && rule.type !== 'row_limit' ? 'output' : 'input';
    const body = { name: `one of ${connection}`, [side]: { rules: [rule] }, connection_ids: [connectionId] };
    await this.#system.office.api.call(routes.createGuardrail, { body });
  }

  /** One entry point: what the person hears is what the rule's test says. */
  async #proveAt(entry: EntryPoint, way: Way, each: Case): Promise<void> {
    const asker = await entry.open(way);
    try {
      for (const text of [each.finds, each.passes]) {
        const sent = entry.sends ? entry.sends(text) : text;
        if (sent === undefined) continue;
        const expected = await this.#expected(way, each, text, sent);
        const heard = await asker.ask(text);
        const denied = heard.includes('Blocked by the following Guardrails rule');
        assert.equal(denied, expected.verdict === 'block', `${entry.name} was told: ${heard.slice(0, 300)}`);
        if (denied) assert.ok(heard.includes(expected.message ?? ''), `${entry.name} was told: ${heard}\nand not: ${expected.message}`);
      }
    } finally {
      await asker.leave();
    }
  }

  /** What both of those say that only say it; of an answer they cannot know, and its words are checked alone. */
  async #expected(way: Way, each: Case, text: string, sent: string): Promise<Said> {
    const { connection } = way.access;
    const groups = ['admin'];
    const said = explained(await this.#system.office.api.call(routes.testGuardrails, { body: { connection, text: sent, groups } }));
    const { code, out, err } = await way.shell.run(['policy', 'test', '-c', connection, '--json', '--', sent]);
    assert.equal(code, 0, err);
    // The command line does not say who asks: a rule for some groups holds then.
    if (!each.rule.groups) assert.deepEqual(explained(JSON.parse(out)), said);
    if (each.isOutput) return text === each.finds ? { verdict: 'block', rule: undefined, message: `type=${each.rule.type}` } : NOTHING;
    assert.equal(said.verdict !== 'allow', text === each.finds && !each.findsNothing, `${each.name}: ${sent}`);
    if (said.verdict !== 'allow') assert.equal(said.rule, `one of ${connection}`);
    return said;
  }

  /** What the audit log says: at least once for each that said a text, and the same each time. A portal that is read in pieces is said again with each. */
  async #proveRecords({ connection }: Access, each: Case): Promise<void> {
    const sent = this.#column.entries.flatMap(({ sends = (text: string) => text }) => [sends(each.finds), sends(each.passes)]);
    const texts = sent.filter((text) => text !== undefined);
    for (const text of new Set(texts)) {
      const times = texts.filter((other) => other === text).length;
      const actions = await until(`the records of ${text}`, async () => {
        const found = (await this.#actions(connection)).filter((action) => action.text === text);
        return found.length >= times && found;
      });
      const body = { connection, text, groups: ['admin'] };
      const expected = explained(await this.#system.office.api.call(routes.testGuardrails, { body }));
      for (const action of actions) if (!each.isOutput) assert.deepEqual(recorded(action), expected, `${action.via}: ${text}`);
    }
  }

  async #actions(connection: string): Promise<SessionAction[]> {
    const { office } = this.#system;
    const sessions = await office.sessions(connection);
    return (await Promise.all(sessions.map(({ id }) => office.actions(id)))).flat();
  }

  /** Says yes to everything that is asked for on a connection, until it is stopped. */
  #approveAll(connection: string): { stop(): Promise<void> } {
    let isOver = false;
    const approving = until(
      'an end of the approvals',
      async () => {
        const { data } = await this.#boss.api.call(routes.listReviews, { query: { connection, status: 'PENDING' } });
        for (const review of data) await this.#boss.approve(review).catch(() => undefined);
        return isOver;
      },
      120_000,
    );
    return {
      stop: async () => {
        isOver = true;
        await approving;
      },
    };
  }
}
