import { randomUUID } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';

type Answer = (response: http.ServerResponse) => void;

export interface AskedOfVault {
  readonly method: string;
  readonly path: string;
  readonly token: string | undefined;
  readonly namespace: string | undefined;
}

/** What Vault's HTTP API does for key-value engines and AppRoles, with tokens that end. Policies are a set of paths that are not allowed. */
export class FakeVault implements AsyncDisposable {
  readonly url: string;
  readonly asked: AskedOfVault[] = [];
  /** Tokens that are taken. */
  readonly tokens = new Set(['root']);
  readonly forbidden = new Set<string>();
  /** By `mount/path` (version 1) and `mount/data/path` (version 2). */
  readonly kv1 = new Map<string, object>();
  readonly kv2 = new Map<string, object | null>();
  role = { role_id: 'agent-role', secret_id: 'agent-secret-id' };
  /** Seconds, of tokens from logins and of what is read from version 1. */
  lease = { token: 3_600, secret: 2_764_800 };
  /** In place of every answer. */
  instead: Answer | undefined;
  readonly #server: http.Server;

  private constructor(server: http.Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  static async start(tls?: { readonly cert: string; readonly key: string }): Promise<FakeVault> {
    const server = tls ? https.createServer(tls) : http.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const vault = new FakeVault(server, `${tls ? 'https' : 'http'}://127.0.0.1:${port}`);
    server.on('request', (request, response) => void vault.#serve(request, response));
    return vault;
  }

  count(path: string): number {
    return this.asked.filter((each) => each.path === path).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    let body = '';
    for await (const part of request) body += String(part);
    const path = (request.url ?? '').replace(/^\/v1\//, '');
    const header = (name: string): string | undefined => request.headers[name]?.toString();
    const token = header('x-vault-token');
    this.asked.push({ method: request.method ?? '', path, token, namespace: header('x-vault-namespace') });
    if (this.instead) this.instead(response);
    else if (path === 'auth/approle/login' && request.method === 'POST') this.#logIn(response, body);
    else if (token === undefined || !this.tokens.has(token) || this.forbidden.has(path))
      say(response, 403, { errors: ['permission denied'] });
    else this.#read(response, path);
  }

  #logIn(response: http.ServerResponse, body: string): void {
    const { role_id, secret_id } = JSON.parse(body) as Record<string, string>;
    if (role_id !== this.role.role_id || secret_id !== this.role.secret_id) {
      say(response, 400, { errors: ['invalid role or secret ID'] });
      return;
    }
    const token = randomUUID();
    this.tokens.add(token);
    say(response, 200, { auth: { client_token: token, lease_duration: this.lease.token, renewable: true } });
  }

  #read(response: http.ServerResponse, path: string): void {
    const plain = this.kv1.get(path);
    const versioned = this.kv2.get(path);
    if (plain) say(response, 200, { lease_duration: this.lease.secret, data: plain });
    else if (versioned === undefined) say(response, 404, { errors: [] });
    else say(response, 200, { lease_duration: 0, data: { data: versioned, metadata: { version: 1 } } });
  }
}

function say(response: http.ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ request_id: randomUUID(), ...body }));
}
