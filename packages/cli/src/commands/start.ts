/** What `hoop start` can run. */
export type Part = 'gateway' | 'agent' | 'standalone';

/**
 * Runs a part of the system until it is told to stop; gives its exit code. Each part is loaded only when it is wanted.
 * @throws Misconfigured with what to set
 */
export async function start(part: Part): Promise<number> {
  if (part === 'agent') {
    const { run } = await import('@hoop/agent/main');
    return run();
  }
  const { run } = await import('@hoop/gateway/main');
  if (part === 'gateway') return run();
  const [{ agentHello }, { localRunner }] = await Promise.all([import('@hoop/agent/hello'), import('@hoop/agent/runner')]);
  return run({ localAgent: (log) => ({ name: 'local', hello: agentHello(), host: localRunner(log) }) });
}
