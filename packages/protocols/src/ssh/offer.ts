import { KexInit, kexinit, type LibraryProtocol, type Offer } from './library.ts';
import { OFFER_MS_MAX } from './limits.ts';
import { Fields, KEXINIT } from './messages.ts';

/** Where the lists of a KEXINIT begin, behind its number and a cookie, and how many they are. (RFC 4253, section 7.1) */
const LISTS_AT = 17;
const LISTS = 10;

/**
 * Lets the client say first which algorithms it has, and offers it no other ciphers than AES-GCM when that is among them. The client's order
 * decides between what both have, and OpenSSH's puts AES-CTR in front of GCM, which needs a hash besides and takes twice as long. Either side
 * may speak first (RFC 4253, section 7.1); a client that waits for us is not kept waiting for long.
 *
 * To be called when the client's first line has been read, before the library makes its offer.
 */
export function offerWhatIsQuick(protocol: LibraryProtocol): void {
  const { _cipher: cipher, _decipher: decipher } = protocol;
  const take = decipher._onPayload;
  // The library makes its offer as soon as this has returned. That one does not leave.
  const { encrypt } = cipher;
  cipher.encrypt = () => {
    cipher.encrypt = encrypt;
  };
  let isOffered = false;
  const offer = (): void => {
    clearTimeout(waiting);
    if (!isOffered && protocol._destruct) kexinit(protocol);
    isOffered = true;
  };
  const waiting = setTimeout(offer, OFFER_MS_MAX);
  decipher._onPayload = (message) => {
    const isTheirs = message[0] === KEXINIT;
    if (isTheirs) decipher._onPayload = take;
    if (isTheirs && !isOffered) protocol._offer = narrowed(protocol._offer, message);
    offer();
    const taken = take(message);
    // The library takes every guess for a wrong one, and who has guessed right does not say it again.
    if (isTheirs) protocol._skipNextInboundPacket = guessesWrong(protocol._offer, message);
    return taken;
  };
}

/**
 * Whether a message follows that answers what the client has guessed of our offer, and is to be passed over: a guess is right when the
 * first of both sides' key exchanges are the same, and the first of their kinds of host keys. (RFC 4253, section 7)
 */
function guessesWrong({ lists }: Offer, message: Buffer): boolean {
  const fields = new Fields(message, LISTS_AT);
  try {
    const [kex] = fields.text().split(',');
    const [hostKey] = fields.text().split(',');
    for (let list = 2; list < LISTS; list++) fields.bytes();
    return fields.boolean() && (kex !== lists.kex.array[0] || hostKey !== lists.serverHostKey.array[0]);
  } catch {
    return false;
  }
}

/** What both sides have of AES-GCM alone, for each direction in which there is any. */
function narrowed(offer: Offer, message: Buffer): Offer {
  const theirs = ciphersOf(message);
  const { kex, serverHostKey, cs, sc } = offer.lists;
  return new KexInit({
    kex: kex.array,
    serverHostKey: serverHostKey.array,
    cs: { ...arrays(cs), cipher: quick(cs.cipher.array, theirs.toServer) },
    sc: { ...arrays(sc), cipher: quick(sc.cipher.array, theirs.toClient) },
  });
}

function quick(ours: readonly string[], theirs: readonly string[]): readonly string[] {
  const both = ours.filter((name) => name.includes('-gcm@') && theirs.includes(name));
  return both.length > 0 ? both : ours;
}

/** Of a message that cannot be read nothing: the library finds the words for it. */
function ciphersOf(message: Buffer): { readonly toServer: readonly string[]; readonly toClient: readonly string[] } {
  const fields = new Fields(message, LISTS_AT);
  try {
    fields.text();
    fields.text();
    return { toServer: fields.text().split(','), toClient: fields.text().split(',') };
  } catch {
    return { toServer: [], toClient: [] };
  }
}

function arrays({ mac, compress, lang }: Offer['lists']['cs']): Record<'mac' | 'compress' | 'lang', readonly string[]> {
  return { mac: mac.array, compress: compress.array, lang: lang.array };
}
