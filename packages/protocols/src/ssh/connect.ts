import { AppError, asAppError, Misconfigured, TargetFault } from '@hoop/core/errors';
import { TARGET_CONNECT_MS_MAX } from '@hoop/core/limits';
import type { ConnectContext, RelayPorts, Target } from '@hoop/core/protocol';
import { dial, type SocketWire } from '@hoop/core/wire';
import { checkHostKey } from './known-host.ts';
import { ALGORITHMS, HOST_KEY_ALGORITHMS, IDENT, ssh2 } from './library.ts';
import { SshRelay } from './relay.ts';
import { countRenewals } from './renewals.ts';
import type { SshSettings } from './settings.ts';
import { Transport } from './transport.ts';

const NOTHING = Buffer.alloc(0);

/**
 * Dials the host, makes sure that it is the right one, and logs in with the connection's secrets.
 * @throws TargetFault, Misconfigured with words for the user: never a password, never a stack
 */
export async function connect(context: ConnectContext<SshSettings>, timeout_ms = TARGET_CONNECT_MS_MAX): Promise<Target> {
  const { settings, hello } = context;
  mustBeKey(settings);
  const dialled = await dial(settings.HOST, settings.PORT, { timeout_ms });
  try {
    const transport = await loggedIn(dialled, context, timeout_ms);
    const permits = hello.options?.permits?.split(' ');
    const may = (what: string): boolean => permits?.includes(what) ?? true;
    const allow = {
      localForward: settings.ALLOW_LOCAL_FORWARD && may('port-forwarding'),
      remoteForward: settings.ALLOW_REMOTE_FORWARD && may('port-forwarding'),
      pty: may('pty'),
    };
    return {
      wire: transport,
      greeting: NOTHING,
      relay: (ports: RelayPorts) => new SshRelay(ports, allow),
      // What runs is stopped by the relay's last words, on the connection that it runs on.
      cancel: () => Promise.resolve(),
    };
  } catch (error) {
    dialled.destroy();
    throw targetWords(error as Error, settings);
  }
}

function loggedIn(wire: SocketWire, { settings, memory }: ConnectContext<SshSettings>, timeout_ms: number): Promise<Transport> {
  const transport = new Transport(wire);
  const client = new ssh2.Client();
  return new Promise((resolve, reject) => {
    let isReady = false;
    let refusal: AppError | undefined;
    let tried = 0;
    const failed = (error: Error): void => {
      if (isReady) transport.fail(error instanceof AppError ? error : hostEnded(error));
      else reject(refusal ?? error);
    };
    client.on('error', failed);
    const tooMany = (): void => failed(new TargetFault('too_many_rekeys', `The host ${settings.HOST} asks for new keys again and again`));
    client.on('handshake', countRenewals(transport, tooMany));
    client.on('close', () => {
      if (!isReady)
        failed(new TargetFault('target_closed', `The host ${settings.HOST}:${settings.PORT} closed the connection during the login`));
    });
    client.on('ready', () => {
      isReady = true;
      transport.begin();
      resolve(transport);
    });
    client.connect({
      sock: transport.socket,
      ident: IDENT,
      username: settings.USER,
      algorithms: { ...ALGORITHMS, serverHostKey: HOST_KEY_ALGORITHMS },
      readyTimeout: timeout_ms,
      keepaliveInterval: 0,
      strictVendor: true,
      hostVerifier: (key) => {
        try {
          checkHostKey(key, settings, memory);
          return true;
        } catch (error) {
          refusal = asAppError(error);
          return false;
        }
      },
      authHandler: (left, _partial, next) => next(nextAttempt(settings, left, tried++)),
    });
    transport.attach(client._protocol);
  });
}

/** Ways to log in, in order; `false` gives up. */
function nextAttempt(settings: SshSettings, left: readonly string[] | null, tried: number): unknown {
  const username = settings.USER;
  const ways: { type: string; [more: string]: unknown }[] = [];
  if (settings.AUTHORIZED_SERVER_KEYS) {
    const key = { key: keyText(settings), ...(settings.PASSPHRASE ? { passphrase: settings.PASSPHRASE } : {}) };
    ways.push({ type: 'publickey', username, ...key });
  }
  if (settings.PASS) {
    ways.push({ type: 'password', username, password: settings.PASS });
    const prompt = (
      _name: string,
      _text: string,
      _language: string,
      prompts: readonly unknown[],
      answer: (words: string[]) => void,
    ): void => answer(prompts.map(() => settings.PASS));
    ways.push({ type: 'keyboard-interactive', username, prompt });
  }
  for (let index = tried; index < ways.length; index++) {
    const way = ways[index];
    if (index > tried) return way;
    if (way && (left === null || left.includes(way.type))) return way;
  }
  return false;
}

/** Keys are pasted into forms, which eat the last line's end. */
function keyText({ AUTHORIZED_SERVER_KEYS }: SshSettings): string {
  return `${AUTHORIZED_SERVER_KEYS.trim().replaceAll('\r\n', '\n')}\n`;
}

/** @throws Misconfigured `connection_settings` */
function mustBeKey(settings: SshSettings): void {
  if (!settings.AUTHORIZED_SERVER_KEYS) return;
  const parsed = ssh2.utils.parseKey(keyText(settings), settings.PASSPHRASE || undefined);
  const [key] = Array.isArray(parsed) ? parsed : [parsed];
  if (key && !(key instanceof Error) && key.isPrivateKey()) return;
  throw new Misconfigured(
    'connection_settings',
    'AUTHORIZED_SERVER_KEYS holds no private key that can be read; give it in PEM or OpenSSH’s format, with PASSPHRASE where it has one',
  );
}

function hostEnded(error: Error): AppError {
  return new TargetFault('target_closed', 'The connection to the host broke', { cause: error });
}

/** What went wrong at the host, in words that say whose turn it is and show nothing of ours. */
function targetWords(error: Error, { HOST, PORT }: SshSettings): AppError {
  if (error instanceof AppError) return error;
  const place = `${HOST}:${PORT}`;
  const level = 'level' in error ? error.level : undefined;
  if (level === 'client-authentication') {
    return new TargetFault(
      'target_login',
      `The host ${place} refuses the connection's own user, password or key; an administrator must correct them`,
      { cause: error },
    );
  }
  if (level === 'client-timeout') {
    return new TargetFault(
      'target_unreachable',
      `The host ${place} takes connections and does not answer in time; find out who listens there`,
    );
  }
  if (level === 'handshake') {
    return new TargetFault(
      'target_handshake',
      `The host ${place} and the agent agree on no algorithms; the host's SSH server is too old or its settings too narrow`,
      {
        cause: error,
      },
    );
  }
  return new TargetFault('target_unreachable', `SSH with the host ${place} failed; see that an SSH server listens there`, { cause: error });
}
