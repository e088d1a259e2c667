/** What `hoop start` can run. */
export type Part = 'gateway' | 'agent' | 'standalone';

export async function start(part: Part): Promise<number> {
  throw new Error(`not wired yet: ${part}`);
}
