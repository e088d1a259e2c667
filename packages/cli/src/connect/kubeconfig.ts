import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LocalPlace } from './protocols.ts';

/** Connections whose clients want a file that says where the cluster is. */
export function wantsKubeconfig(subtype: string): boolean {
  return subtype.startsWith('kubernetes');
}

/**
 * Writes what kubectl needs to use a local port, for this user's eyes only; resolves with its path. There is no secret in it.
 * A second port beside the usual one gets a file of its own: kubectl in another terminal must not go to another cluster of a sudden.
 */
export function writeKubeconfig(home: string, connection: string, { host, port }: LocalPlace, moved: boolean): string {
  const name = JSON.stringify(connection);
  const lines = [
    'apiVersion: v1',
    'kind: Config',
    `clusters: [{name: ${name}, cluster: {server: "http://${host}:${port}"}}]`,
    `users: [{name: ${name}, user: {}}]`,
    `contexts: [{name: ${name}, context: {cluster: ${name}, user: ${name}}}]`,
    `current-context: ${name}`,
  ];
  const path = join(home, moved ? `kubeconfig-${port}` : 'kubeconfig');
  const whole = `${path}.${process.pid}`;
  mkdirSync(home, { recursive: true, mode: 0o700 });
  writeFileSync(whole, `${lines.join('\n')}\n`, { mode: 0o600 });
  renameSync(whole, path);
  return path;
}
