import { PeerFault } from '@hoop/core/errors';
import type { Accepted, Door } from '@hoop/core/protocol';
import type { Wire } from '@hoop/core/wire';
import type { Served } from './ask.ts';
import { serveH1 } from './client-h1.ts';
import { serveH2 } from './client-h2.ts';
import { Front, overWords } from './front.ts';
import { WireDuplex } from './wire-duplex.ts';

const TLS_HANDSHAKE = 0x16;

/** How every HTTP/2 connection begins (RFC 9113, section 3.4). */
const H2_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/**
 * The client's side: TLS where the listener has it, HTTP/1.1 or HTTP/2 by what the client begins with, and the first request's secret.
 * The session is the connection: all its requests belong to who sent the first.
 * @throws PeerFault on bytes that are neither; Refusal of the login is told to the client as 401
 */
export async function accept<Grant>(wire: Wire, door: Door<Grant>): Promise<Accepted<Grant> | undefined> {
  const opened = await openTls(wire, door);
  if (!opened) return undefined;
  const first = await firstBytes(opened.wire);
  if (!first) return undefined;
  opened.wire.unread(first);
  const stream = new WireDuplex(opened.wire);
  const { proven } = door;
  let served: Served | undefined;
  const front = new Front<Grant>({
    peer: wire.peer,
    secure: opened.secure,
    login: proven === undefined ? (secret) => door.login({ secret, user: '' }) : undefined,
    // What is answered in this turn is an answer too.
    close: () => void setImmediate(() => served?.close()),
  });
  stream.on('error', () => undefined);
  stream.once('close', () => front.clientLeft());
  if (proven !== undefined) front.enter(proven);
  if (first.length >= H2_PREFACE.length && first.subarray(0, H2_PREFACE.length).equals(H2_PREFACE)) served = serveH2(stream, front.onAsk);
  else served = serveH1(stream, front.onAsk);
  const grant = await front.entered;
  if (grant === undefined) return undefined;
  return { wire: front.link, grant, hello: { user: '' }, refuse: overWords };
}

async function openTls<Grant>(wire: Wire, door: Door<Grant>): Promise<{ wire: Wire; secure: boolean } | undefined> {
  if (!door.tls || !wire.startTls) return { wire, secure: false };
  const first = await wire.read();
  if (!first) return undefined;
  wire.unread(first);
  if (first[0] === TLS_HANDSHAKE) {
    return { wire: await wire.startTls({ side: 'server', context: door.tls, alpn: ['h2', 'http/1.1'] }), secure: true };
  }
  if (door.tlsRequired) {
    const words = 'This port speaks HTTPS\n';
    await wire.write(Buffer.from(`HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: ${words.length}\r\n\r\n${words}`));
    throw new PeerFault('tls_required', 'The client did not ask for TLS');
  }
  return { wire, secure: false };
}

/** As many as it takes to tell HTTP/2 from HTTP/1.1. */
async function firstBytes(wire: Wire): Promise<Buffer | undefined> {
  let first = await wire.read();
  while (first && first.length < H2_PREFACE.length && first.equals(H2_PREFACE.subarray(0, first.length))) {
    const more = await wire.read();
    if (!more) break;
    first = Buffer.concat([first, more]);
  }
  return first;
}
