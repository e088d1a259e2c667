import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import { AppError, Refusal } from '@hoop/core/errors';
import type { Door } from '@hoop/core/protocol';
import { SocketWire } from '@hoop/core/wire';
import { accept } from '@hoop/protocols/ssh/accept';
import { keyBlobOf } from '@hoop/protocols/ssh/certificate';
import { newHostKey, publicKeyLine } from '@hoop/protocols/ssh/host-key';
import { ALGORITHMS, HOST_KEY_ALGORITHMS, sendMessage, ssh2 } from '@hoop/protocols/ssh/library';
import { encodeMessage } from '@hoop/protocols/ssh/messages';
import { within } from '../support/until.ts';
import { type Dice, fuzz } from './fuzzer.ts';

/*
 * What a client may say once keys are agreed upon: in the middle of a login, or of another exchange of keys.
 * An error that nobody catches would end this process, and the test with it.
 */

const KEY = keyBlobOf(publicKeyLine(newHostKey()));

const USERAUTH = 50;

/** One try to log in. (RFC 4252, section 5) */
function attempt(dice: Dice): Buffer {
  const who = [dice.pick(['u', '', 'é\0', 'x'.repeat(300)]), dice.pick(['ssh-connection', 'ssh-connection', 'ssh-connection', 'x'])];
  const algorithm = dice.pick(['ssh-ed25519', 'ssh-ed25519-cert-v01@openssh.com', 'ssh-rsa', 'rsa-sha2-256', 'ecdsa-sha2-nistp256', 'x']);
  const signature = encodeMessage(0, dice.pick([algorithm, 'x']), dice.bytes(dice.pick([0, 1, 64, 72]))).subarray(1);
  return dice.pick([
    () => encodeMessage(USERAUTH, ...who, 'none'),
    () => encodeMessage(USERAUTH, ...who, 'password', false, dice.pick(['right', 'wrong'])),
    () => encodeMessage(USERAUTH, ...who, 'password', true, 'old', 'new'),
    () => encodeMessage(USERAUTH, ...who, 'publickey', false, algorithm, dice.number(2) ? KEY : dice.mutate(KEY)),
    () => encodeMessage(USERAUTH, ...who, 'publickey', true, algorithm, dice.number(2) ? KEY : dice.mutate(KEY), signature),
    () => encodeMessage(USERAUTH, ...who, 'hostbased', algorithm, KEY, 'host', 'user', signature),
    () => encodeMessage(USERAUTH, ...who, 'keyboard-interactive', '', ''),
  ])();
}

/** Anything else, of whichever layer and side. */
function message(dice: Dice): Buffer {
  return dice.pick([
    () => encodeMessage(61, dice.pick([0, 1, 2, 1_000, 2 ** 32 - 1]), 'right', 'b'),
    () => encodeMessage(5, dice.pick(['ssh-userauth', 'ssh-connection', 'x'])),
    () => encodeMessage(dice.pick([6, 51, 53, 60]), dice.pick(['ssh-userauth', 'password']), dice.number(2) === 0),
    () => Buffer.from([52]),
    () => encodeMessage(7, dice.pick([0, 1, 2 ** 31]), 'server-sig-algs', 'x'),
    () => encodeMessage(dice.pick([1, 2, 3, 4]), dice.number(12), 'words', ''),
    () => Buffer.concat([Buffer.from([20]), dice.bytes(dice.number(40))]),
    () => Buffer.from([21]),
    () => encodeMessage(dice.pick([30, 31]), dice.bytes(dice.pick([0, 1, 32, 65]))),
    () => encodeMessage(80 + dice.number(21), dice.number(3), dice.bytes(dice.number(20))),
    () => Buffer.concat([Buffer.from([dice.number(256)]), dice.bytes(dice.number(60))]),
  ])();
}

function door(dice: Dice): Door<string> {
  const answer = async (isRight: boolean): Promise<string> => {
    // At once, or when the client has said more already.
    if (dice.number(2)) await new Promise((resolve) => setImmediate(resolve));
    if (isRight) return 'somebody';
    throw new Refusal('credential_invalid', 'This secret is unknown');
  };
  const knowsKeys = dice.number(2) === 0;
  return {
    tls: undefined,
    tlsRequired: false,
    proven: dice.number(8) === 0 ? 'somebody' : undefined,
    login: ({ secret }) => answer(secret === 'right'),
    keyed: () => answer(knowsKeys),
    certified: () => answer(true),
    userAuthorities: [publicKeyLine(newHostKey())],
    cancel: () => undefined,
    mintCancelKey: (length) => '00'.repeat(length),
  };
}

async function pair(): Promise<{ client: Socket; server: Socket }> {
  const listening = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
  await once(listening.listen(0, '127.0.0.1'), 'listening');
  const arrived = once(listening, 'connection');
  const client = net.connect((listening.address() as AddressInfo).port, '127.0.0.1');
  const [server] = (await arrived) as [Socket];
  listening.close();
  for (const socket of [client, server]) socket.on('error', () => undefined);
  return { client, server };
}

/** A client that agrees on keys as it should, and then says this. */
function speak(client: Socket, dice: Dice): void {
  const library = new ssh2.Client();
  library.on('error', () => undefined);
  const said = Array.from({ length: 1 + dice.number(8) }, () => (dice.number(2) ? attempt(dice) : message(dice)));
  const inLogin = dice.number(4) > 0;
  let isOver = false;
  const say = (): void => {
    if (isOver) return;
    isOver = true;
    for (const each of said) sendMessage(library._protocol, dice.number(3) === 0 ? dice.mutate(each) : each);
    setImmediate(() => client.end());
  };
  library.on('handshake', () => void (inLogin || setImmediate(say)));
  const algorithms = { ...ALGORITHMS, serverHostKey: HOST_KEY_ALGORITHMS };
  const authHandler = (): void => say();
  const patience = { readyTimeout: 0, keepaliveInterval: 0, strictVendor: true };
  library.connect({ ...patience, sock: client, ident: 'Fuzzer', username: 'u', algorithms, hostVerifier: () => true, authHandler });
}

test('an SSH client that says anything in its login is let in or turned away, and does no harm', async () => {
  let entered = 0;
  const rounds = await fuzz('ssh login', async (dice) => {
    const { client, server } = await pair();
    const accepted = accept(new SocketWire(server), door(dice)).then(
      ({ wire }) => {
        entered++;
        return wire.pump(() => undefined).catch(() => undefined);
      },
      (error: unknown) => {
        if (!(error instanceof AppError) || error.kind === 'bug') throw error;
      },
    );
    speak(client, dice);
    await within('the login ends', accepted);
    client.destroy();
    server.destroy();
  });
  assert.ok(rounds > 10);
  assert.ok(entered > 0 || rounds < 50, `somebody gets in in ${rounds} rounds`);
});
