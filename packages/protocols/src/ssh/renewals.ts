import { REKEY_BYTES_MIN, REKEY_WINDOW_MS, REKEYS_MAX } from './limits.ts';
import type { Transport } from './transport.ts';

/** To be called for each renewal of keys. Each costs a signature; `tooMany` is called when they come on and on, and for no reason. */
export function countRenewals(transport: Transport, tooMany: () => void): () => void {
  let count = 0;
  let since = performance.now();
  let moved = transport.bytesMoved;
  return () => {
    const isDue = transport.bytesMoved - moved >= REKEY_BYTES_MIN;
    moved = transport.bytesMoved;
    if (isDue) return;
    const now = performance.now();
    if (now - since > REKEY_WINDOW_MS) {
      count = 0;
      since = now;
    }
    if (++count > REKEYS_MAX) tooMany();
  };
}
