import { createInterface } from 'node:readline';
import { loadAgentConfig } from '@hoop/agent/config';
import { agentHello } from '@hoop/agent/hello';
import { createLog } from '@hoop/core/log';
import { AgentClient } from '@hoop/tunnel/agent-client';
import type { SessionHost } from '@hoop/tunnel/link';

/**
 * Many agents in one process, for the gateway to hold: each with a key and a link of its own, and no sessions.
 * Keys come in on stdin, a line each; how many are linked is said on stdout whenever it changes.
 */
const NOTHING_RUNS: SessionHost = {
  serve: (stream) => stream.end(),
  cancel: () => undefined,
  changePolicy: () => undefined,
  linkLost: () => undefined,
  takeUnconfirmed: () => [],
};

let linked = 0;
let told = -1;

function tell(): void {
  if (linked !== told) process.stdout.write(`${linked}\n`);
  told = linked;
}

const log = createLog({ level: 'silent', encoding: 'json' });
for await (const key of createInterface({ input: process.stdin })) {
  const { dial } = loadAgentConfig({
    key,
    tlsCa: undefined,
    tlsSkipVerify: undefined,
    tlsServerName: undefined,
    logLevel: undefined,
    logEncoding: undefined,
    httpsProxy: undefined,
    httpProxy: undefined,
    noProxy: undefined,
  });
  let up = false;
  const client = new AgentClient({
    dial,
    key,
    hello: agentHello(),
    host: NOTHING_RUNS,
    log,
    onLink: (link) => {
      if (link.up !== up) linked += link.up ? 1 : -1;
      up = link.up;
      setImmediate(tell);
    },
  });
  client.run().catch((error: Error) => process.stderr.write(`${error.message}\n`));
}
