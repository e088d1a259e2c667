import { cstring, encodeMessage, int16, int32 } from '@hoop/protocols/postgres/frame';
import { encodeError } from '@hoop/protocols/postgres/messages/error';
import { encodeDataRow } from '@hoop/protocols/postgres/messages/row';
import type { Dice } from './fuzzer.ts';

const NAMES = ['', 's1', 's2', 'portal'];
const NO_TYPES = int16(0);

/** One message that a client may send. */
export function clientMessage(dice: Dice): Buffer {
  const name = (): Buffer => cstring(dice.pick(NAMES));
  const text = (): Buffer => cstring(dice.pick(['select 1', 'insert into t values (1)', 'drop table t', "select 'a@example.com'", '']));
  return dice.pick([
    () => encodeMessage('Q', text()),
    () => encodeMessage('P', name(), text(), NO_TYPES),
    () => encodeMessage('B', name(), name(), int16(0), int16(1), int32(3), dice.bytes(3), int16(0)),
    () => encodeMessage('D', Buffer.from(dice.pick(['S', 'P'])), name()),
    () => encodeMessage('E', name(), int32(0)),
    () => encodeMessage('C', Buffer.from(dice.pick(['S', 'P'])), name()),
    () => encodeMessage('S'),
    () => encodeMessage('H'),
    () => encodeMessage('d', dice.bytes(dice.number(40))),
    () => encodeMessage('c'),
    () => encodeMessage('f', cstring('no')),
  ])();
}

/** The same, or a function call: it waits for the answers to what was sent before it. */
export function anyClientMessage(dice: Dice): Buffer {
  if (dice.number(12) > 0) return clientMessage(dice);
  return encodeMessage('F', int32(dice.pick([952, 1, 2_000_000_000])), int16(0), int16(0), int16(0));
}

/** One message that a server may send. */
export function serverMessage(dice: Dice): Buffer {
  return dice.pick([
    () => encodeMessage('T', int16(1), cstring('email'), Buffer.alloc(6), int32(25), Buffer.alloc(6), int16(0)),
    () => encodeDataRow([Buffer.from(dice.pick(['a@example.com', 'plain', ''])), null]),
    () => encodeMessage('C', cstring(dice.pick(['SELECT 1', 'INSERT 0 5', 'DEALLOCATE', '']))),
    () => encodeMessage('Z', Buffer.from(dice.pick(['I', 'T', 'E']))),
    () => encodeError({ severity: 'ERROR', sqlstate: '42601', message: 'wrong a@example.com' }),
    () => encodeError({ severity: 'NOTICE', sqlstate: '00000', message: 'by the way' }, 'N'),
    () => encodeMessage('A', int32(1), cstring('channel'), cstring('b@example.com')),
    () => encodeMessage('S', cstring('TimeZone'), cstring('UTC')),
    () => encodeMessage(dice.pick(['1', '2', '3', 'n', 'I', 's', 'c'])),
    () => encodeMessage('t', int16(0)),
    () => encodeMessage(dice.pick(['G', 'H']), Buffer.from([0, 0, 0])),
    () => encodeMessage('d', Buffer.from('1\ta@example.com\n')),
  ])();
}

/** Several messages in a row. */
export function several(dice: Dice, make: (dice: Dice) => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: 1 + dice.number(12) }, () => make(dice)));
}
