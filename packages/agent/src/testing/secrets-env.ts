import type { Clock } from '@hoop/core/clock';
import { readSecretsEnv } from '../secrets/env.ts';
import { TargetSecrets, type TargetSecretsOptions } from '../secrets/target-secrets.ts';

/** A clock that stands still until it is told. */
export class HandClock implements Clock {
  #now_ms = 1_000_000;

  now(): number {
    return this.#now_ms;
  }

  micros(): number {
    return this.#now_ms * 1_000;
  }

  pass(duration_ms: number): void {
    this.#now_ms += duration_ms;
  }
}

/** An agent's secrets with these variables as its whole environment. */
export function secretsWith(variables: Readonly<Record<string, string>>, more: Partial<TargetSecretsOptions> = {}): TargetSecrets {
  return new TargetSecrets({ env: readSecretsEnv(variables), ownProcess: true, ...more });
}

/** What the gateway sends of a connection, as far as secrets are concerned. */
export function wish(settings: Record<string, string>, files: Record<string, string> = {}, protocol = 'postgres') {
  return { connection: 'shop', protocol, settings, files };
}
