import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ALLOW } from '@hoop/core/action';
import type { AnswerRules } from '@hoop/core/answer';
import { Gate } from '@hoop/core/gate';
import { PostgresRelay } from './relay.ts';
import { client, server } from './testing/messages.ts';

const ONE_ROW: AnswerRules = { rows: { max: 1, denial: { rule: 'few', message: 'Too many rows' } } };

/** A relay whose cancel takes as long as a test wants. */
class Stage {
  readonly relay: PostgresRelay;
  toTarget = '';
  toClient = '';
  cancels = 0;
  #cancelled: () => void = () => undefined;
  readonly errors: (string | undefined)[] = [];

  constructor(answer: (text: string) => AnswerRules | undefined = () => ONE_ROW) {
    const gate = new Gate(
      {
        revision: 1,
        mask: undefined,
        judge: ({ text }) => {
          const rules = answer(text);
          return rules ? { allow: true, answer: rules } : ALLOW;
        },
      },
      { intent: () => undefined, settled: (_, { error }) => void this.errors.push(error) },
    );
    const ports = {
      gate,
      toTarget: (bytes: Buffer) => void (this.toTarget += bytes.toString('latin1')),
      toClient: (bytes: Buffer) => void (this.toClient += bytes.toString('latin1')),
    };
    this.relay = new PostgresRelay(ports, () => {
      this.cancels++;
      return new Promise((resolve) => {
        this.#cancelled = resolve;
      });
    });
  }

  /** The target has heard of the cancel. */
  async cancelled(): Promise<void> {
    this.#cancelled();
    await turn();
  }

  /** Types of the messages that went to the target, and to the client, since the last time. */
  heard(): { target: string; client: string } {
    const heard = { target: typesOf(this.toTarget), client: typesOf(this.toClient) };
    this.toTarget = '';
    this.toClient = '';
    return heard;
  }

  async target(...messages: Buffer[]): Promise<void> {
    await this.relay.fromTarget(Buffer.concat(messages));
    await turn();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function typesOf(stream: string): string {
  const bytes = Buffer.from(stream, 'latin1');
  let types = '';
  for (let at = 0; at < bytes.length; at += 1 + bytes.readInt32BE(at + 1)) types += String.fromCharCode(bytes[at] ?? 0);
  return types;
}

const batch = Buffer.concat([client.parse('', 'select'), client.bind(), client.execute()]);
const tooMany = [server.row('1'), server.row('2')];

describe('a query whose answer is ended', () => {
  test('is not cancelled when all of it is there', async () => {
    const stage = new Stage();
    await stage.relay.fromClient(client.query('select'));
    await stage.target(server.columns('x'), ...tooMany, server.complete('SELECT 2'), server.ready());
    assert.equal(stage.cancels, 0);
    assert.equal(stage.heard().client, 'TDEZ');
    assert.deepEqual(stage.errors, ['42501: Too many rows']);
  });

  test('is cancelled once when more may come, and its own error becomes the words', async () => {
    const stage = new Stage();
    await stage.relay.fromClient(client.query('select'));
    await stage.target(server.columns('x'), ...tooMany);
    await stage.target(...tooMany, ...tooMany);
    assert.equal(stage.cancels, 1);
    assert.equal(stage.heard().client, 'TD');
    await stage.target(server.error('57014', 'canceling statement due to user request'), server.ready());
    assert.equal(stage.toClient.includes('canceling'), false);
    assert.match(stage.toClient, /Too many rows/);
    assert.equal(stage.heard().client, 'EZ');
  });

  test('keeps what is behind it until the cancel has arrived, so that it hits nothing else', async () => {
    const stage = new Stage((text) => (text === 'select' ? ONE_ROW : undefined));
    await stage.relay.fromClient(client.query('select'));
    await stage.target(server.columns('x'), ...tooMany);
    const fed = stage.relay.fromClient(client.query('next'));
    await stage.target(server.complete('SELECT 2'), server.ready());
    assert.deepEqual(stage.heard(), { target: 'Q', client: 'TDEZ' });
    await stage.cancelled();
    await fed;
    assert.deepEqual(stage.heard(), { target: 'Q', client: '' });
  });

  test('that had ended in a transaction before the cancel came fails now, before anything else runs', async () => {
    const stage = new Stage((text) => (text === 'select' ? ONE_ROW : undefined));
    await stage.relay.fromClient(client.query('select'));
    await stage.target(server.columns('x'), ...tooMany);
    const fed = stage.relay.fromClient(client.query('commit'));
    await stage.target(server.complete('SELECT 2'), server.ready('T'));
    await stage.cancelled();
    assert.deepEqual(stage.heard(), { target: 'QQ', client: 'TD' });
    await stage.target(server.error('26000', 'prepared statement "hoop_denied_" does not exist'), server.ready('E'));
    await fed;
    assert.equal(stage.toClient.includes('hoop_denied_'), false);
    assert.deepEqual(stage.heard(), { target: 'Q', client: 'EZ' });
  });

  test('lets its client copy in what the server waits for, and copies nothing itself when it is to be quiet', async () => {
    const stage = new Stage();
    await stage.relay.fromClient(client.query('copy t from stdin; select'));
    const early = stage.relay.fromClient(Buffer.concat([client.copyData('1\n'), client.copyDone(), client.query('next')]));
    assert.deepEqual(stage.heard().target, 'Q');
    await stage.target(server.copyIn());
    assert.deepEqual(stage.heard(), { target: 'dc', client: 'G' });
    await stage.target(server.complete('COPY 1'), ...tooMany, server.copyIn());
    assert.deepEqual(stage.heard(), { target: 'f', client: 'CD' });
    await stage.target(server.error('57014', 'COPY from stdin failed'), server.ready());
    await stage.cancelled();
    await early;
    assert.deepEqual(stage.heard(), { target: 'Q', client: 'EZ' });
  });
});

describe('rows that are not shown', () => {
  test('are not held, however large they are', async () => {
    const stage = new Stage();
    await stage.relay.fromClient(client.query('select'));
    const [shown, large] = [Buffer.alloc(5, 'D'), Buffer.alloc(5, 'D')];
    for (const head of [shown, large]) head.writeInt32BE(65 * 1024 * 1024, 1);
    const piece = Buffer.alloc(64 * 1024);
    const left = 65 * 1024 * 1024 - 4;
    for (const head of [shown, large]) {
      await stage.relay.fromTarget(head);
      assert.equal(stage.relay.atBoundary, head === large);
      for (let sent = 0; sent < left; sent += piece.length) await stage.relay.fromTarget(piece.subarray(0, left - sent));
      if (head === shown) assert.equal(stage.toClient.length, 5 + left);
    }
    await stage.target(server.complete('SELECT 2'), server.ready());
    assert.equal(stage.heard().client, 'DEZ');
  });

  test('are as few however they come', async () => {
    const turn = Buffer.concat([server.columns('x'), ...tooMany, ...tooMany, server.complete('SELECT 4'), server.ready()]);
    const copied = Buffer.concat([
      server.copyOut(),
      server.copyData('1\n'),
      server.copyData('2\n'),
      server.copyDone(),
      server.complete('COPY 2'),
      server.ready(),
    ]);
    for (const [whole, expected] of [
      [turn, 'TDEZ'],
      [copied, 'HdEZ'],
    ] as const) {
      for (let at = 1; at < whole.length; at++) {
        const stage = new Stage();
        await stage.relay.fromClient(client.query('copy t to stdout'));
        await stage.target(whole.subarray(0, at));
        await stage.cancelled();
        await stage.target(whole.subarray(at));
        assert.equal(stage.heard().client, expected, `cut at ${at}`);
        assert.equal(stage.relay.busy, false);
      }
    }
  });
});

describe('an Execute whose answer is ended', () => {
  test('fails when it had ended already, and nothing behind it is sent', async () => {
    const stage = new Stage();
    const fed = stage.relay.fromClient(Buffer.concat([batch, batch, client.sync()]));
    assert.equal(stage.heard().target, 'PBEH');
    await stage.target(server.parseComplete(), server.bindComplete(), ...tooMany, server.complete('SELECT 2'));
    assert.equal(stage.cancels, 0);
    assert.deepEqual(stage.heard(), { target: 'EH', client: '12D' });
    await stage.target(server.error('34000', 'portal "hoop_denied_" does not exist'));
    await fed;
    assert.deepEqual(stage.heard(), { target: 'S', client: 'E' });
    await stage.target(server.ready());
    assert.equal(stage.heard().client, 'Z');
    assert.equal(stage.relay.busy, false);
  });

  test('is cancelled when more may come, and the batch goes on at its Sync', async () => {
    const stage = new Stage();
    const fed = stage.relay.fromClient(Buffer.concat([batch, batch, client.sync()]));
    await stage.target(server.parseComplete(), server.bindComplete(), ...tooMany);
    assert.equal(stage.cancels, 1);
    await stage.target(server.error('57014', 'canceling statement due to user request'));
    assert.equal(stage.heard().target, 'PBEH');
    await stage.cancelled();
    await fed;
    assert.deepEqual(stage.heard(), { target: 'S', client: '' });
  });

  test('fails once, whichever comes first: what makes it fail, or the cancel', async () => {
    const stage = new Stage();
    const fed = stage.relay.fromClient(Buffer.concat([batch, client.sync()]));
    await stage.target(server.parseComplete(), server.bindComplete(), ...tooMany);
    await stage.target(server.complete('SELECT 2'));
    await stage.target(server.error('57014', 'canceling statement due to user request'));
    await stage.cancelled();
    await fed;
    assert.deepEqual(stage.heard(), { target: 'PBEHEHS', client: '12DE' });
    assert.deepEqual(stage.errors, ['42501: Too many rows']);
  });

  test('is asked for all that it has to say after a copy in, too', async () => {
    const stage = new Stage();
    void stage.relay.fromClient(Buffer.concat([batch, client.sync()]));
    await stage.target(server.parseComplete(), server.bindComplete(), server.copyIn());
    // A server in a copy takes no notice of the Sync.
    assert.equal(stage.heard().target, 'PBEHS');
    const fed = stage.relay.fromClient(Buffer.concat([client.copyData('1\n'), client.copyDone(), client.sync()]));
    assert.equal(stage.heard().target, 'dcH');
    await stage.target(server.complete('COPY 1'));
    await fed;
    assert.equal(stage.heard().target, 'S');
  });
});

test('what has no rules about its answer waits for nothing', () => {
  const stage = new Stage(() => undefined);
  assert.equal(stage.relay.fromClient(Buffer.concat([batch, batch, client.sync(), client.query('more')])), undefined);
  assert.equal(stage.heard().target, 'PBEPBESQ');
});
