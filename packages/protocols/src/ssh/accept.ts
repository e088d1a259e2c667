import { AppError, asAppError, PeerFault, Refusal } from '@hoop/core/errors';
import type { Accepted, Door } from '@hoop/core/protocol';
import type { Wire } from '@hoop/core/wire';
import { hostKeyOf } from './host-key.ts';
import { ALGORITHMS, IDENT_FOR_CLIENTS, type LoginContext, type Peer, sendMessage, ssh2 } from './library.ts';
import { IDENT_MS_MAX } from './limits.ts';
import { type Granted, Login } from './login.ts';
import { offerWhatIsQuick } from './offer.ts';
import { countRenewals } from './renewals.ts';
import { Transport, transportFault } from './transport.ts';
import { disconnectWords } from './words.ts';

type LibraryServerSide = Peer & NodeJS.EventEmitter;

/**
 * Strips the client's side: key exchange with the gateway's own host key, and the login. What comes out is the connection layer.
 * @throws PeerFault, and the Refusal that a login met
 */
export async function accept<Grant>(client: Wire, door: Door<Grant>, ident_ms_max = IDENT_MS_MAX): Promise<Accepted<Grant>> {
  const transport = new Transport(client);
  try {
    const { grant, user, permits, version } = await entered(transport, door, ident_ms_max);
    const options = { client: version, ...(permits ? { permits: permits.join(' ') } : {}) };
    return { wire: transport, grant, hello: { user, options }, refuse: disconnectWords };
  } catch (thrown) {
    const error = thrown instanceof AppError ? thrown : asAppError(transportFault(thrown as Error));
    // Who does not speak SSH can at least read a line of text, as with other servers.
    if (error.code === 'not_ssh') transport.socket.write(Buffer.from('SSH 2.0 is spoken here; anything else is not spoken here\r\n'));
    transport.end();
    throw error;
  }
}

interface Entered<Grant> extends Granted<Grant> {
  /** What the client's program calls itself. */
  readonly version: string;
}

function entered<Grant>(transport: Transport, door: Door<Grant>, ident_ms_max: number): Promise<Entered<Grant>> {
  return new Promise((resolve, reject) => {
    const server = new ssh2.Server({ hostKeys: [hostKeyOf(door.hostKey)], ident: IDENT_FOR_CLIENTS, algorithms: ALGORITHMS });
    let login: Login<Grant> | undefined;
    let isIn = false;
    // Byte by byte a line can take for ever.
    const slow = setTimeout(() => reject(new PeerFault('too_slow', 'The client takes too long to say what it speaks')), ident_ms_max);
    const failed = (error: Error): void => {
      const fault = error instanceof AppError ? error : transportFault(error);
      if (isIn) transport.fail(fault);
      else reject(login?.lastRefusal ?? fault);
    };
    server.on('connection', (peer: LibraryServerSide, { header }: { header: { versions: { software: string } } }) => {
      clearTimeout(slow);
      transport.attach(peer._protocol);
      offerWhatIsQuick(peer._protocol);
      const current = new Login(door, transport.peer, (message) => sendMessage(peer._protocol, message));
      login = current;
      peer.on('error', failed);
      const tooMany = (): void => failed(new Refusal('too_many_rekeys', 'The client asks for new keys again and again'));
      peer.on('rekey', countRenewals(transport, tooMany));
      peer.on('authentication', (context: LoginContext) => current.take(context));
      current.failed.catch(failed);
      peer.on('ready', () => {
        const { granted } = current;
        if (!granted) return failed(new PeerFault('bad_message', 'The login succeeded without a proof'));
        isIn = true;
        transport.begin();
        resolve({ ...granted, version: header.versions.software.slice(0, VERSION_CHARACTERS_MAX) });
      });
      peer.on('close', () => failed(login?.lastRefusal ?? new PeerFault('closed_early', 'The client left before it had logged in')));
    });
    // Until the first line has come the library tells nobody what went wrong.
    transport.early.promise.catch((error: Error) => {
      clearTimeout(slow);
      reject(transportFault(error));
    });
    server.injectSocket(transport.socket);
  });
}

const VERSION_CHARACTERS_MAX = 100;
