import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib';

/** What SPDY/3's headers are compressed with: these words, each behind its length (section 2.6.10.1 of the draft). */
const WORDS =
  'options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization ' +
  'cache-control connection content-base content-encoding content-language content-length content-location content-md5 content-range ' +
  'content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified ' +
  'location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding ' +
  'upgrade user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie keep-alive origin';

/** And these without one. */
const REST =
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative Information' +
  '204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error' +
  '501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, ' +
  'Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,public' +
  'privatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.';

const dictionary = Buffer.concat([...WORDS.split(' ').map((word) => sized(Buffer.from(word.replace('_', ' ')))), Buffer.from(REST)]);

/** The header blocks of one connection: each continues the compression of the one before it. */
export class SpdyHeaders {
  readonly #inflate: Inflate = createInflate({ dictionary });
  readonly #deflate: Deflate = createDeflate({ dictionary });

  async read(block: Buffer): Promise<Map<string, string>> {
    const plain = await through(this.#inflate, block);
    const headers = new Map<string, string>();
    let at = 4;
    const text = (): string => {
      const end = at + 4 + plain.readUInt32BE(at);
      const value = plain.toString('utf8', at + 4, end);
      at = end;
      return value;
    };
    for (let count = plain.readUInt32BE(0); count > 0; count--) headers.set(text(), text());
    return headers;
  }

  write(headers: ReadonlyMap<string, string>): Promise<Buffer> {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(headers.size);
    const pairs = [...headers].flatMap(([name, value]) => [sized(Buffer.from(name)), sized(Buffer.from(value))]);
    return through(this.#deflate, Buffer.concat([count, ...pairs]));
  }
}

function sized(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** What comes out of a compression for what goes into it, up to a flush. */
function through(coder: Inflate | Deflate, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    const take = (piece: Buffer): void => void pieces.push(piece);
    coder.on('data', take).once('error', reject);
    coder.write(bytes);
    coder.flush(constants.Z_SYNC_FLUSH, () => {
      coder.off('data', take).off('error', reject);
      resolve(Buffer.concat(pieces));
    });
  });
}
