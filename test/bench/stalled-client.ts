import net from 'node:net';
import { SocketWire } from '@hoop/core/wire';
import { cstring, encodeMessage, MessageReader } from '@hoop/protocols/postgres/frame';
import { encodeStartup } from '@hoop/protocols/postgres/messages/startup';
import type { Way } from './stack.ts';

/** Logs in, asks, reads the first message of the answer, and then never reads again. */
export async function psqlLike(way: Way, question: string): Promise<net.Socket> {
  const socket = net.connect({ host: '127.0.0.1', port: way.port });
  const wire = new SocketWire(socket);
  const reader = new MessageReader(wire);
  const { user, database, password } = way;
  await wire.write(
    encodeStartup(3, 0, [
      ['user', user],
      ['database', database],
    ]),
  );
  for (let type = ''; type !== 'Z'; ) {
    const message = await reader.message(MESSAGE_BYTES_MAX);
    type = String.fromCharCode(message.type);
    if (type === 'E') throw new Error(`The login was refused: ${message.body.toString('utf8')}`);
    if (type === 'R' && message.body.readInt32BE(0) === ASKS_PASSWORD) await wire.write(encodeMessage('p', cstring(password)));
  }
  await wire.write(encodeMessage('Q', cstring(question)));
  await reader.message(MESSAGE_BYTES_MAX);
  socket.pause();
  return socket;
}

const MESSAGE_BYTES_MAX = 1024 * 1024;
const ASKS_PASSWORD = 3;
