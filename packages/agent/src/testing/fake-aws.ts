import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** What AWS Secrets Manager does for GetSecretValue: JSON 1.1 over POST, errors by `__type`. Signatures are kept, not checked. */
export class FakeSecretsManager implements AsyncDisposable {
  readonly url: string;
  /** By secret id. */
  readonly secrets = new Map<string, object>();
  readonly asked: { readonly id: string; readonly target: string; readonly authorization: string }[] = [];
  /** In place of every answer. */
  instead: ((response: http.ServerResponse) => void) | undefined;
  readonly #server: http.Server;

  private constructor(server: http.Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (request, response) => void this.#serve(request, response));
  }

  static async start(): Promise<FakeSecretsManager> {
    const server = http.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FakeSecretsManager(server);
  }

  /** An error as AWS tells it. */
  refuse(status: number, type: string): void {
    this.instead = (response) => say(response, status, { __type: type, message: 'User: arn:aws:iam::1:role/hunter2 may not' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    let body = '';
    for await (const part of request) body += String(part);
    const { SecretId: id } = JSON.parse(body) as { SecretId: string };
    this.asked.push({ id, target: String(request.headers['x-amz-target']), authorization: String(request.headers.authorization) });
    const secret = this.secrets.get(id);
    if (this.instead) this.instead(response);
    else if (secret) say(response, 200, { ARN: `arn:${id}`, Name: id, ...secret });
    else say(response, 400, { __type: 'ResourceNotFoundException', Message: "can't find the specified secret" });
  }
}

function say(response: http.ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
}
