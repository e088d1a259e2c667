import type { Wire } from '@hoop/core/wire';

/** What a client that was told the end may take to close its side, where the end is the end of both. */
const CLOSE_MS_MAX = 2_000;

/**
 * Moves bytes between a local client and the gateway until both sides are done; each chunk waits for the previous one
 * to be taken, so that a slow side holds back the other. With `halfClose` each side ends for itself. Rejects with the reason when one side breaks; both are closed then.
 */
export async function relay(local: Wire, remote: Wire, halfClose = false): Promise<void> {
  try {
    await Promise.all([pass(local, remote), halfClose ? pass(remote, local) : passAndClose(remote, local)]);
  } finally {
    local.destroy();
    remote.destroy();
  }
}

async function pass(from: Wire, to: Wire): Promise<void> {
  await from.pump((chunk) => to.write(chunk));
  to.end();
}

/** After the gateway's last byte the session is over, whatever the client still means to say. */
async function passAndClose(remote: Wire, local: Wire): Promise<void> {
  await pass(remote, local);
  setTimeout(() => local.destroy(), CLOSE_MS_MAX).unref();
}
