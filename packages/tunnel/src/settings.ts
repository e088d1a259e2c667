import type { Http2Session, Settings } from 'node:http2';

/** How much a stream may send ahead of its reader. Large enough for a fast link, small enough to hold for thousands of slow readers. */
const STREAM_WINDOW_BYTES = 512 * 1024;

/** All streams of a link together; per-stream windows do the holding back, so this only must not be the bottleneck. */
const LINK_WINDOW_BYTES = 64 * 1024 * 1024;

export const STREAMS_PER_LINK_MAX = 20_000;

export const H2_SETTINGS: Settings = {
  enablePush: false,
  initialWindowSize: STREAM_WINDOW_BYTES,
  maxFrameSize: 64 * 1024,
  maxConcurrentStreams: STREAMS_PER_LINK_MAX,
};

/** In MiB; the default of 10 refuses streams long before `STREAMS_PER_LINK_MAX`. */
export const H2_SESSION_MEMORY_MIB = 2048;

const PING_EVERY_MS = 5_000;
const PING_ANSWER_MS_MAX = 7_000;

/** Widens the link's window and pings until the link closes; a peer that does not answer in time is dead and the link is destroyed. */
export function tend(session: Http2Session): void {
  if (!session.connecting) session.setLocalWindowSize(LINK_WINDOW_BYTES);
  else session.once('connect', () => session.setLocalWindowSize(LINK_WINDOW_BYTES));
  let deadline: NodeJS.Timeout | undefined;
  const every = setInterval(() => {
    if (session.destroyed || deadline) return;
    deadline = setTimeout(() => session.destroy(new Error('The tunnel peer does not answer')), PING_ANSWER_MS_MAX);
    deadline.unref();
    const sent = session.ping(() => {
      clearTimeout(deadline);
      deadline = undefined;
    });
    if (!sent) session.destroy(new Error('The tunnel cannot be pinged'));
  }, PING_EVERY_MS);
  every.unref();
  session.once('close', () => {
    clearInterval(every);
    clearTimeout(deadline);
  });
}
