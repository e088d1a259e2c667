import type { SignalHandler } from '@hoop/store/signal-feed';
import type { Signal } from '@hoop/store/signals';
import type { Store } from '@hoop/store/store';
import type { Engine } from './engine.ts';
import type { AgentHub } from './hub.ts';
import type { ReviewDesk } from './reviews.ts';

export interface ReactionDeps {
  readonly store: Store;
  readonly hub: Pick<AgentHub, 'disconnect'>;
  readonly reviews: Pick<ReviewDesk, 'changed'>;
  readonly engine: Pick<
    Engine,
    | 'endSession'
    | 'revokeCredential'
    | 'endSessionsOfSshKey'
    | 'endSessionsOfUser'
    | 'endSessionsOfConnection'
    | 'endUnapproved'
    | 'policyChanged'
  >;
}

type ReactionOf<K extends Signal['kind']> = (signal: Extract<Signal, { kind: K }>) => void | Promise<void>;

/**
 * What this gateway does when something changed, be it here or on another gateway of the same store. Everything here may
 * happen twice, or late: what is to be done is read from the store, as it is by then.
 */
export function reactions({ store, hub, engine, reviews }: ReactionDeps): SignalHandler {
  let told = 0;
  const table: { readonly [K in Signal['kind']]: ReactionOf<K> } = {
    'agent.deleted': ({ agentId, keyId }) => hub.disconnect(agentId, 'The agent’s key was revoked', keyId),
    'session.kill': ({ sessionId, by }) => engine.endSession(sessionId, by),
    'credential.ended': ({ credentialId }) => engine.revokeCredential(credentialId),
    'ssh_key.deleted': ({ keyId }) => engine.endSessionsOfSshKey(keyId),
    'user.changed': async ({ userId }) => {
      if ((await store.users.get(userId))?.status !== 'active') engine.endSessionsOfUser(userId);
    },
    'connection.changed': async ({ connectionId }) => {
      const connection = await store.connections.get(connectionId);
      if (connection) engine.endUnapproved(connectionId, connection.reviewers);
      if (connection?.accessModes.connect) await engine.policyChanged([connectionId]);
      else engine.endSessionsOfConnection(connectionId);
    },
    'review.changed': ({ reviewId }) => reviews.changed(reviewId),
    'policy.changed': async () => {
      // Of many changes in a row the first one tells all; read before the rules, so that those may be newer, never older.
      const revision = await store.policyRevision();
      if (revision === told) return;
      await engine.policyChanged(undefined);
      told = revision;
    },
  };
  return (signal) => {
    // One of a newer version of the product may be unknown here.
    const react = Object.hasOwn(table, signal.kind) ? (table[signal.kind] as (signal: Signal) => void | Promise<void>) : undefined;
    return react?.(signal);
  };
}
