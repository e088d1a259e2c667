import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import http2 from 'node:http2';
import { after, afterEach, before, describe, test } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { runProgram } from '../../support/program.ts';
import { until, within } from '../../support/until.ts';
import { bodyOf, HttpLab, heardUntilClose } from './lab.ts';

let lab: HttpLab;

before(async () => {
  lab = await HttpLab.start();
});
after(() => lab.close());
afterEach(() => lab.tidyUp());

describe('answers', () => {
  const BROKEN: Readonly<Record<string, string>> = {
    'in chunks without the last one': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
    'shorter than they say': 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello',
  };
  for (const [what, text] of Object.entries(BROKEN)) {
    test(`${what} are broken for the client too, and recorded as such`, async () => {
      const port = await lab.rawTarget((socket) => void socket.end(text));
      const { url, connection } = await lab.wayTo(port);
      const { exitCode, stdout } = await runProgram('curl', ['-sS', url]);
      assert.deepEqual([stdout, exitCode === 18 || exitCode === 56], ['hello', true], `curl ended with ${exitCode}`);
      const over2 = await runProgram('curl', ['-sS', '--http2-prior-knowledge', url]);
      assert.equal(over2.exitCode, 92);
      const actions = await until('both are settled', async () => {
        const all = await lab.actions(connection);
        return all.length === 2 && all.every(({ outcome }) => outcome) && all;
      });
      for (const { outcome } of actions) assert.match(outcome?.error ?? '', /broke off|closed the connection/);
    });
  }

  test('that are not HTTP are told so, and the session goes on', async () => {
    let bad = true;
    const port = await lab.rawTarget((socket) => {
      socket.end(bad ? 'SSH-2.0-OpenSSH_9.2\r\n' : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
    const { url } = await lab.wayTo(port);
    const answer = await fetch(url);
    assert.equal(answer.status, 502);
    assert.match(await answer.text(), /its answer is not HTTP/);
    bad = false;
    assert.equal(await (await fetch(url)).text(), 'ok');
  });

  test('that go over to another protocol unasked are refused, and those with headers that cannot be written', async () => {
    const answers = [
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello',
      'HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Type: b\r\nContent-Length: 2\r\n\r\nok',
    ];
    const port = await lab.rawTarget((socket, request) => void socket.end(answers[request.includes('/second') ? 1 : 0] ?? ''));
    const { url } = await lab.wayTo(port);
    const session = http2.connect(url);
    const ask = async (path: string): Promise<number> => {
      const [headers] = (await once(session.request({ ':path': path }).resume(), 'response')) as [http2.IncomingHttpHeaders];
      return Number((headers as Record<string, unknown>)[':status']);
    };
    assert.equal(await ask('/first'), 502);
    // HTTP/2 has no place for it: the one request fails and its neighbours on the connection live.
    assert.equal(await ask('/second'), 502);
    assert.equal(await ask('/first'), 502);
    session.destroy();
  });

  test('with a status that is none fail alone: others on the connection go on', async () => {
    const waiting = Promise.withResolvers<() => void>();
    const port = await lab.rawTarget((socket, request) => {
      const answer = (status: string): void => void socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 2\r\n\r\nok`);
      if (request.includes('/slow')) waiting.resolve(() => answer('200 OK'));
      else answer('000 None');
    });
    const { url } = await lab.wayTo(port);
    const session = http2.connect(url);
    const ask = async (path: string): Promise<number> => {
      const [headers] = (await once(session.request({ ':path': path }).resume(), 'response')) as [Record<string, unknown>];
      return Number(headers[':status']);
    };
    const slow = ask('/slow');
    const answer = await waiting.promise;
    assert.equal(await ask('/none'), 502);
    answer();
    assert.equal(await slow, 200);
    session.destroy();
  });

  test('that are coded twice, or in a list, are masked all the same, and refused where nobody can look into them', async () => {
    const packed = gzipSync('{"mail":"ada@example.org"}');
    const coded: Readonly<Record<string, Buffer>> = {
      'identity, gzip': packed,
      'gzip, br': brotliCompressSync(packed),
      'gzip, compress': packed,
      'gzip, gzip, gzip': gzipSync(gzipSync(packed)),
    };
    const { port } = await lab.target((request, response) => {
      const coding = decodeURIComponent(request.url?.slice(1) ?? '');
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': coding }).end(coded[coding]);
    });
    const { url } = await lab.wayTo(port, {}, { mask: ['EMAIL_ADDRESS'] });
    const heard: string[] = [];
    for (const coding of Object.keys(coded)) {
      const answer = await fetch(`${url}/${encodeURIComponent(coding)}`);
      const text = await answer.text();
      heard.push(answer.status === 200 ? text : String(answer.status));
    }
    assert.deepEqual(heard, ['{"mail":"###############"}', '{"mail":"###############"}', '502', '502']);
  });

  test('without a body have none, and say the length that they would have', async () => {
    const { port } = await lab.target((request, response) => {
      const status = Number(request.url?.slice(1));
      response.writeHead(status, status === 200 ? { 'content-length': 1234 } : { etag: '"x"' }).end();
    });
    const { port: local } = await lab.wayTo(port);
    const socket = lab.dial(local);
    socket.write(
      'HEAD /200 HTTP/1.1\r\nHost: a\r\n\r\nGET /204 HTTP/1.1\r\nHost: a\r\n\r\nGET /304 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    );
    const heads = (await heardUntilClose(socket)).split('\r\n\r\n');
    assert.equal(heads.length, 4, 'three heads with nothing between them');
    assert.match(heads[0] ?? '', /^HTTP\/1.1 200 OK\r\n(.|\r\n)*content-length: 1234/i);
    assert.match(heads[1] ?? '', /^HTTP\/1.1 204 /);
    assert.match(heads[2] ?? '', /^HTTP\/1.1 304 /);
  });

  test('lose their trailers, and a client’s are not passed on', async () => {
    const trailers: object[] = [];
    const { port } = await lab.target((request, response) => {
      void bodyOf(request).then(() => {
        trailers.push(request.trailers);
        response.writeHead(200, { trailer: 'x-sum' });
        response.write('body');
        response.addTrailers({ 'x-sum': '1' });
        response.end();
      });
    });
    const { port: local } = await lab.wayTo(port);
    const request = http.request({ port: local, method: 'POST', headers: { trailer: 'x-mine', 'transfer-encoding': 'chunked' } });
    request.write('a');
    request.addTrailers({ 'x-mine': '1' });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    assert.equal((await bodyOf(response)).toString(), 'body');
    assert.deepEqual([response.trailers, response.headers.trailer, trailers], [{}, undefined, [{}]]);
  });

  test('that come event by event come so over HTTP/2, with their head before the first', async () => {
    const sent: (() => void)[] = [];
    const { port } = await lab.target((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      sent.push(
        () => response.write('data: first\n\n'),
        () => response.end('data: second\n\n'),
      );
    });
    const { url } = await lab.wayTo(port);
    for (const version of [1, 2]) {
      const session = version === 2 ? http2.connect(url) : undefined;
      const stream = session?.request({ ':path': '/' }) ?? http.get(url);
      const [first] = (await within('the head comes', once(stream, 'response'))) as [IncomingMessage];
      const body = version === 2 ? (stream as http2.ClientHttp2Stream) : first;
      for (const [at, data] of ['data: first\n\n', 'data: second\n\n'].entries()) {
        sent[at]?.();
        assert.equal(String((await once(body, 'data'))[0]), data);
      }
      sent.length = 0;
      session?.destroy();
    }
  });
});

describe('requests', () => {
  test('one behind the other without waiting are answered in their order', async () => {
    const waiting = new Map<string, () => void>();
    const { port } = await lab.target((request, response) => {
      waiting.set(request.url ?? '', () => response.end(`[${request.url}]`));
      if (waiting.size === 3) for (const path of ['/c', '/b', '/a']) waiting.get(path)?.();
    });
    const { port: local } = await lab.wayTo(port);
    const socket = lab.dial(local);
    socket.write(['a', 'b'].map((path) => `GET /${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''));
    socket.write('GET /c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    assert.deepEqual((await heardUntilClose(socket)).match(/\[.*?\]/g), ['[/a]', '[/b]', '[/c]']);
  });

  test('that wait to be told to go on are told so, and the target gets the body', async () => {
    const { port } = await lab.target((request, response) => {
      void bodyOf(request).then((body) => response.end(`${body.length} ${request.headers.expect}`));
    });
    const { url } = await lab.wayTo(port);
    for (const version of ['--http1.1', '--http2-prior-knowledge']) {
      const args = [version, '-sS', '-m', '30', '-H', 'Expect: 100-continue', '--expect100-timeout', '60', '-d', 'x'.repeat(5_000), url];
      const said = await runProgram('curl', args);
      assert.equal(said.stdout, '5000 undefined', version);
    }
  });

  test('that would like to go on in HTTP/2 are passed as any other, with their body, and are the last of their connection', async () => {
    const { port } = await lab.target((request, response) => {
      void bodyOf(request).then((body) => response.end(`[${request.method} ${request.headers.upgrade} ${body}]`));
    });
    const { port: local, connection } = await lab.wayTo(port);
    const upgrade = 'Host: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n';
    const framed = ['\r\n', 'Content-Length: 4\r\n\r\nbody', 'Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n'];
    for (const rest of framed) {
      const socket = lab.dial(local);
      socket.write(`POST / HTTP/1.1\r\n${upgrade}${rest}GET /next HTTP/1.1\r\nHost: a\r\n\r\n`);
      const heard = await heardUntilClose(socket);
      assert.match(heard, /^HTTP\/1\.1 200 (.|\r\n)*connection: close\r\n/i);
      assert.deepEqual(heard.match(/\[.*?\]/g), [rest === '\r\n' ? '[POST undefined ]' : '[POST undefined body]']);
    }
    const texts = (await lab.actions(connection)).map(({ text }) => text).sort();
    assert.deepEqual(texts, ['POST /', 'POST /\n\nbody', 'POST /\n\nbody']);
  });

  test('with a method that has no body are passed with the one that they have', async () => {
    const { port } = await lab.target(
      (request, response) => void bodyOf(request).then((body) => response.end(`${request.method} ${body}`)),
    );
    const { url } = await lab.wayTo(port);
    for (const method of ['GET', 'DELETE']) {
      const said = await runProgram('curl', ['-sS', '-X', method, '-H', 'Transfer-Encoding: chunked', '-d', 'body', url]);
      assert.equal(said.stdout, `${method} body`);
    }
  });

  test('with many cookies keep them all, and over HTTP/2 as one', async () => {
    const { port } = await lab.target((request, response) => response.end(request.headers.cookie));
    const { url } = await lab.wayTo(port);
    const cookies = Array.from({ length: 200 }, (_, at) => `c${at}=${'v'.repeat(50)}`);
    const said = await runProgram('curl', ['-sS', '-H', `Cookie: ${cookies.join('; ')}`, url]);
    assert.deepEqual(said.stdout.split('; '), cookies);
    const session = http2.connect(url);
    const stream = session.request({ ':path': '/', cookie: cookies });
    let heard = '';
    for await (const chunk of stream.setEncoding('utf8')) heard += chunk;
    assert.deepEqual(heard.split('; '), cookies);
    session.destroy();
  });

  test('with more headers or a longer address than can be are refused alone, and so are such answers', async () => {
    const { port } = await lab.target((request, response) => {
      const many = Array.from({ length: request.url === '/many' ? 1_100 : 1 }, (_, at): [string, string] => [`x-${at}`, '1']);
      response.writeHead(200, many.flat()).end('ok');
    });
    const { url } = await lab.wayTo(port);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const ask = async (path: string, headers: Record<string, string> = {}): Promise<number> => {
      const [response] = (await once(http.get(`${url}${path}`, { agent, headers }), 'response')) as [IncomingMessage];
      await bodyOf(response);
      return response.statusCode ?? 0;
    };
    const many = Object.fromEntries(Array.from({ length: 1_100 }, (_, at) => [`x-${at}`, '1']));
    assert.deepEqual([await ask('/', many), await ask(`/${'x'.repeat(40_000)}`), await ask('/many'), await ask('/')], [400, 400, 502, 200]);
    agent.destroy();
  });

  test('A39: with 10 MB of headers are refused with 431 and never reach the target', async () => {
    let heard = 0;
    const { port } = await lab.target((_request, response) => {
      heard++;
      response.end();
    });
    const { port: local } = await lab.wayTo(port);
    const socket = lab.dial(local);
    socket.write(`GET / HTTP/1.1\r\nHost: a\r\n${`X-Long: ${'x'.repeat(1_000)}\r\n`.repeat(10_000)}\r\n`);
    let said = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      said += text;
    });
    await until('it is refused', () => said.startsWith('HTTP/1.1 431 '));
    assert.equal(heard, 0);
  });

  test('of a client that gives up are given up at the target at once, in either version', async () => {
    let open = 0;
    const { port } = await lab.target((request, response) => {
      open++;
      response.once('close', () => open--);
      request.resume();
      if (request.url === '/begun') response.write('x');
    });
    const { url } = await lab.wayTo(port);
    for (const path of ['/never', '/begun']) {
      const one = http.get(`${url}${path}`).on('error', () => undefined);
      const session = http2.connect(url);
      const two = session.request({ ':path': path }).on('error', () => undefined);
      await until('both are open', () => open === 2);
      one.destroy();
      two.close(http2.constants.NGHTTP2_CANCEL);
      await until('both are given up', () => open === 0);
      session.destroy();
    }
  });
});

describe('an answer before its request is complete', () => {
  test('of the target comes through, and hundreds of them leave nothing behind', async () => {
    const { port } = await lab.target((_request, response) => void response.writeHead(413, { connection: 'close' }).end('too large'));
    const { url, connection } = await lab.wayTo(port);
    const session = http2.connect(url);
    for (let time = 0; time < 300; time++) {
      const stream = session.request({ ':method': 'POST', ':path': '/', 'content-type': 'application/octet-stream' });
      stream.on('error', () => undefined);
      stream.write(Buffer.alloc(70_000));
      const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
      assert.equal((headers as Record<string, unknown>)[':status'], 413, `at the ${time + 1}th`);
      stream.destroy();
    }
    session.destroy();
    await lab.system.office.endedSession(connection);
  });

  test('of the target reaches curl, which sends a large file', async () => {
    const { port } = await lab.target((request, response) => {
      request.once('data', () => response.writeHead(413).end('too large'));
    });
    const { url } = await lab.wayTo(port);
    const args = ['-sS', '-w', '%{http_code}', '-H', 'Expect:', '--data-binary', '@-', url];
    for (const version of ['--http1.1', '--http2-prior-knowledge']) {
      const said = await runProgram('curl', [version, ...args], { input: 'x'.repeat(20 << 20) });
      assert.equal(said.stdout, 'too large413', version);
    }
  });

  test('of ours reaches a client that is denied while it uploads, and the target hears nothing', async () => {
    let heard = 0;
    const { port } = await lab.target(() => heard++);
    const { url } = await lab.wayTo(port, {}, { deny: ['forbidden-word'] });
    const args = ['-sS', '-w', '%{http_code}', '-H', 'Expect:', '-H', 'Content-Type: text/plain', '--data-binary', '@-', url];
    for (const version of ['--http1.1', '--http2-prior-knowledge']) {
      const said = await runProgram('curl', [version, ...args], { input: `forbidden-word ${'x'.repeat(20 << 20)}` });
      assert.match(said.stdout, /Not here.*\n403$/, version);
    }
    assert.equal(heard, 0);
  });
});

describe('a connection that the target closed while it was kept', () => {
  test('is no answer: a request that may be repeated is, on a new one', async () => {
    const heard: string[] = [];
    const port = await lab.rawTarget((socket, request) => {
      heard.push(request.split(' ')[0] ?? '');
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      // The next request on it is met by its end.
      socket.once('data', (bytes) => {
        heard.push(`lost ${bytes.toString().split(' ')[0]}`);
        socket.resetAndDestroy();
      });
    });
    const { port: local } = await lab.wayTo(port);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const ask = async (method: string): Promise<number> => {
      const request = http.request({ agent, port: local, method }).end();
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      await bodyOf(response);
      return response.statusCode ?? 0;
    };
    assert.equal(await ask('GET'), 200);
    assert.equal(await ask('GET'), 200);
    assert.deepEqual(heard, ['GET', 'lost GET', 'GET']);
    assert.equal(await ask('POST'), 502);
    assert.deepEqual(heard.slice(3), ['lost POST'], 'what may have had an effect is not sent again');
    agent.destroy();
  });
});
