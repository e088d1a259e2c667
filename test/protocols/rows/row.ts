import type { SessionAction } from '@hoop/contract/routes/sessions';
import type { Abilities } from '@hoop/core/protocol';
import type { Access, Policy } from '../../support/office.ts';
import type { System } from '../../support/system.ts';
import { until } from '../../support/until.ts';
import type { Break, Client, ClientKind, Column, Skill, Target } from '../column.ts';
import type { Place, TargetPlace } from '../place.ts';

/** One behaviour, which every protocol that has the abilities for it must show, with every client that has the skills. */
export interface Row {
  readonly promise: string;
  readonly skills?: readonly Skill[];
  readonly when?: (abilities: Abilities) => boolean;
  /** Only where the protocol can be broken in this way. */
  readonly breaks?: Break;
  /** Only where the adapter runs scripts. */
  readonly executes?: true;
  /** The behaviour is the system's own and not the client's: proven with one client only. */
  readonly once?: boolean;
  prove(world: World): Promise<void>;
}

/** A client in its session. */
export interface Visit {
  readonly access: Access;
  readonly place: Place;
  readonly client: Client;
}

/** What a row works with: one column, one client, one way of linking the agent. */
export class World {
  readonly system: System;
  readonly column: Column;
  readonly target: Target;
  /** Shared by the rows, which therefore leave marks of their own words. */
  readonly targetPlace: TargetPlace;
  readonly kind: ClientKind;
  readonly #open = new Set<Client>();

  constructor(parts: { system: System; column: Column; target: Target; targetPlace: TargetPlace; kind: ClientKind }) {
    this.system = parts.system;
    this.column = parts.column;
    this.target = parts.target;
    this.targetPlace = parts.targetPlace;
    this.kind = parts.kind;
  }

  /** A connection with these rules, and a secret for it. */
  access(policy?: Policy, settings: Record<string, string> = this.targetPlace.settings): Promise<Access> {
    return this.system.access(settings, policy, this.column.kind);
  }

  /** What the audit says of so many rows. */
  counted(rows: number): number {
    return this.column.counted?.(rows) ?? rows;
  }

  /** Breaks the protocol; resolves with the words that were heard. */
  break(how: Break, place: Place): Promise<string> {
    const way = this.column.breaks[how];
    if (!way) throw new Error(`${this.column.protocol} cannot be broken by ${how}`);
    return way(place);
  }

  placeOf({ host, port, connection, secret }: Access): Place {
    return { host, port, user: connection, secret };
  }

  /** A client in a session of its own. It is closed when the row is over. */
  async visit(policy?: Policy): Promise<Visit> {
    return this.enter(await this.access(policy));
  }

  async enter(access: Access): Promise<Visit> {
    const place = this.placeOf(access);
    const client = await this.kind.open(place);
    this.#open.add(client);
    return { access, place, client };
  }

  async leave({ client }: Visit): Promise<void> {
    this.#open.delete(client);
    await client.leave();
  }

  /** The actions of a visit's connection that have these texts, once the audit has them all. A cancel may be a session of its own beside it. */
  actions({ access }: Visit, ...texts: readonly string[]): Promise<SessionAction[]> {
    const sent = texts.map((text) => this.kind.sends?.(text) ?? text);
    return until(`the audit has ${sent.join(' and ')}`, async () => {
      const sessions = await this.system.office.sessions(access.connection);
      const all = (await Promise.all(sessions.map(({ id }) => this.system.office.actions(id)))).flat();
      const found = sent.map((text) => all.find((action) => action.text === text && (action.verdict === 'deny' || action.outcome)));
      return found.every((action) => action !== undefined) && found;
    });
  }

  /** Closes what a row left open. */
  async tidyUp(): Promise<void> {
    for (const client of this.#open) {
      if (client.vanish) client.vanish();
      else await client.leave().catch(() => undefined);
    }
    this.#open.clear();
  }
}
