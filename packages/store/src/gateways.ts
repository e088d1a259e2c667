import type { Clock } from '@hoop/core/clock';
import type { Db } from './schema.ts';

/** How often a gateway says that it lives. */
export const GATEWAY_BEAT_MS = 5_000;

/** A gateway that said nothing for so long is dead, and nobody is linked to it. Clocks of gateways may differ by some seconds. */
export const GATEWAY_DEAD_MS = 30_000;

/** A process of an agent that is linked to a gateway. */
export interface AgentLinkRow {
  readonly gatewayId: string;
  readonly agentId: string;
  /** The connection that it declared, the only one that it serves; empty where it serves all of its agent's. */
  readonly connection: string;
}

/** The gateways on this store, and who is linked to each. */
export class Gateways {
  readonly #db: Db;
  readonly #clock: Clock;

  constructor(db: Db, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** This gateway lives. */
  async beat(id: string): Promise<void> {
    const seen_at = this.#clock.now();
    await this.#db
      .insertInto('gateways')
      .values({ id, seen_at })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ seen_at }))
      .execute();
  }

  async isLive(id: string): Promise<boolean> {
    const row = await this.#db
      .selectFrom('gateways')
      .select('id')
      .where('id', '=', id)
      .where('seen_at', '>', this.#dead())
      .executeTakeFirst();
    return row !== undefined;
  }

  /** A gateway that starts or goes has no links, whatever an earlier life of it left. */
  async forget(id: string): Promise<void> {
    await this.#db.deleteFrom('agent_links').where('gateway_id', '=', id).execute();
    await this.#db.deleteFrom('gateways').where('id', '=', id).execute();
  }

  async linked({ gatewayId: gateway_id, agentId: agent_id, connection }: AgentLinkRow): Promise<void> {
    await this.#db
      .insertInto('agent_links')
      .values({ gateway_id, agent_id, connection, since: this.#clock.now() })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  async unlinked({ gatewayId, agentId, connection }: AgentLinkRow): Promise<void> {
    await this.#db
      .deleteFrom('agent_links')
      .where('gateway_id', '=', gatewayId)
      .where('agent_id', '=', agentId)
      .where('connection', '=', connection)
      .execute();
  }

  /** Who is linked to a gateway that lives. */
  async links(): Promise<readonly AgentLinkRow[]> {
    const rows = await this.#db
      .selectFrom('agent_links')
      .innerJoin('gateways', 'gateways.id', 'agent_links.gateway_id')
      .select(['agent_links.gateway_id', 'agent_links.agent_id', 'agent_links.connection'])
      .where('gateways.seen_at', '>', this.#dead())
      .execute();
    return rows.map((row) => ({ gatewayId: row.gateway_id, agentId: row.agent_id, connection: row.connection }));
  }

  #dead(): number {
    return this.#clock.now() - GATEWAY_DEAD_MS;
  }
}
