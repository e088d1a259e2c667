import type { Denial } from '@hoop/core/action';
import { type AppError, asAppError, PeerFault } from '@hoop/core/errors';
import type { Decision, Permit } from '@hoop/core/gate';
import type { Relay, RelayPorts } from '@hoop/core/protocol';
import { FrameRun } from '../shared/frames.ts';
import type { Step } from '../shared/step.ts';
import { type BodyGuard, type Cut, type Flushed, UNREADABLE_BODY } from './body-guard.ts';
import { Judged } from './judged.ts';
import { EXCHANGES_MAX, JUDGED_BYTES_MAX, MESSAGE_BYTES_MAX } from './limits.ts';
import {
  AnswerHead,
  decodeCredit,
  decodeHead,
  decodeMessage,
  encodeHead,
  encodeMessage,
  KINDS,
  type Message,
  RequestHead,
  ResetMessage,
} from './message.ts';
import { answerWith, resetOf } from './words.ts';

/**
 * The two directions of a session. A request is an action: its line and the beginning of its body are judged before any of it goes on,
 * what the body goes on with is judged piece by piece where rules look at text, and it is settled with status and bytes before the end of its answer leaves.
 */
export class HttpRelay implements Relay {
  readonly lastWord = undefined;
  readonly #ports: RelayPorts;
  readonly #requests: FrameRun;
  readonly #answers: FrameRun;
  readonly #open = new Map<number, Judged>();
  #newest = 0;

  constructor(ports: RelayPorts) {
    this.#ports = ports;
    this.#requests = new FrameRun(MESSAGE_BYTES_MAX, (message) => this.#onClient(message), ports.toTarget);
    this.#answers = new FrameRun(MESSAGE_BYTES_MAX, (message) => this.#onTarget(message), ports.toClient);
  }

  /** A request is given up by its own reset, not by a cancel of the session. */
  get busy(): boolean {
    return false;
  }

  fromClient(chunk: Buffer): void | Promise<void> {
    return this.#requests.feed(chunk);
  }

  fromTarget(chunk: Buffer): void | Promise<void> {
    return this.#answers.feed(chunk);
  }

  end(reason: AppError | undefined): Buffer {
    const error = reason ? `session ended: ${reason.code}` : 'session ended before the answer';
    for (const judged of this.#open.values()) judged.settle(this.#ports.gate, error);
    this.#open.clear();
    return reason ? encodeHead(KINDS.over, 0, resetOf(reason)) : Buffer.alloc(0);
  }

  #onClient(bytes: Buffer): Step {
    const message = decodeMessage(bytes);
    if (message.kind === KINDS.request) return this.#onRequest(message);
    const judged = this.#open.get(message.exchange);
    if (!judged) return 'drop';
    if (message.kind === KINDS.reset) return this.#onGivenUp(judged, message);
    if (message.kind === KINDS.data) judged.bytesIn += message.payload.length;
    if (judged.permit) return this.#onMore(judged, message);
    judged.hold(message.kind, message.payload);
    const decides = !judged.deciding && (message.kind === KINDS.end || judged.heldBytes >= JUDGED_BYTES_MAX);
    return decides ? this.#decide(judged) : 'drop';
  }

  #onMore(judged: Judged, { kind, payload }: Message): Step {
    if (kind === KINDS.credit) return judged.mask ? this.#onCredit(judged, decodeCredit(payload)) : 'pass';
    const { body } = judged;
    if (!body || (kind !== KINDS.data && kind !== KINDS.end)) return 'pass';
    if (kind === KINDS.data && body.isEnough(payload)) {
      const cut = body.look(payload);
      return cut ? this.#cutBody(judged, cut) : 'pass';
    }
    body.hold(kind, payload);
    return this.#forwardBody(judged, body);
  }

  #onCredit(judged: Judged, bytes: number): Step {
    const step = judged.credit(bytes);
    this.#sendLate(judged);
    return step;
  }

  /** What is held of a body goes on once it is judged; a small piece waits a little for more. */
  #forwardBody(judged: Judged, body: BodyGuard): Step {
    if (!body.isFull) {
      body.watch(() => {
        const late = this.#flushBody(judged, body);
        if (Buffer.isBuffer(late)) void this.#ports.toTarget(late);
      });
      return 'drop';
    }
    return this.#flushBody(judged, body);
  }

  #flushBody(judged: Judged, body: BodyGuard): Step {
    const step = (flushed: Flushed): Buffer => (Buffer.isBuffer(flushed) ? flushed : this.#cutBody(judged, flushed));
    const flushed = body.flush();
    if (!(flushed instanceof Promise)) return step(flushed);
    flushed.then(
      (late) => {
        if (!this.#open.has(judged.exchange)) return;
        const frames = step(late);
        if (frames.length > 0) void this.#ports.toTarget(frames);
      },
      () => this.#giveUp(judged, { status: 500, code: 'bug', message: 'The rest of the request could not be judged' }),
    );
    return 'drop';
  }

  /** What a request goes on with may not pass: the target never gets the whole of it. */
  #cutBody(judged: Judged, { reset, rule }: Cut): Buffer {
    this.#open.delete(judged.exchange);
    judged.settle(this.#ports.gate, rule === undefined ? reset.code : `denied: ${rule}`);
    void this.#ports.toClient(judged.answerBegun ? encodeHead(KINDS.reset, judged.exchange, reset) : refusal(judged, reset));
    return encodeHead(KINDS.reset, judged.exchange, reset);
  }

  /** @throws PeerFault `bad_message` */
  #onRequest({ exchange, payload }: Message): Step {
    if (exchange <= this.#newest) throw new PeerFault('bad_message', 'An exchange was begun twice');
    this.#newest = exchange;
    const head = decodeHead(RequestHead, payload);
    const judged = new Judged(exchange, head, this.#ports.gate.mask);
    this.#open.set(exchange, judged);
    if (this.#open.size > EXCHANGES_MAX) {
      this.#refuse(judged, { status: 429, code: 'too_many_requests', message: 'Too many requests at a time; wait for answers' });
      return 'drop';
    }
    return head.body === 'none' ? this.#decide(judged) : 'drop';
  }

  #onGivenUp(judged: Judged, message: Message): Step {
    const reset = decodeHead(ResetMessage, message.payload);
    judged.settle(this.#ports.gate, 'client_left');
    this.#open.delete(judged.exchange);
    return judged.permit ? encodeHead(KINDS.reset, judged.exchange, reset) : 'drop';
  }

  #decide(judged: Judged): Step {
    const { text, unreadable } = judged.read();
    judged.unreadable = unreadable;
    const decision = this.#ports.gate.ask('request', text);
    if (!(decision instanceof Promise)) return this.#decided(judged, decision);
    judged.deciding = true;
    decision.then(
      (late) => {
        judged.deciding = false;
        // The client may have given it up meanwhile; then there is nothing to send any more.
        const step = this.#open.has(judged.exchange) ? this.#decided(judged, late) : this.#tooLate(judged, late);
        if (Buffer.isBuffer(step)) void this.#ports.toTarget(step);
      },
      () => this.#refuse(judged, { status: 500, code: 'bug', message: 'The request could not be judged' }),
    );
    return 'drop';
  }

  #tooLate(judged: Judged, decision: Decision): Step {
    if (decision.permit) this.#ports.gate.settle(decision.permit, { rows: 0, bytes: 0, error: 'client_left' });
    this.#open.delete(judged.exchange);
    return 'drop';
  }

  #decided(judged: Judged, decision: Decision): Step {
    if (decision.permit && judged.unreadable) {
      this.#ports.gate.settle(decision.permit, { rows: 0, bytes: 0, bytes_in: judged.bytesIn, error: 'unreadable_body' });
      this.#refuse(judged, UNREADABLE_BODY);
      return 'drop';
    }
    if (decision.permit) return this.#permitted(judged, decision.permit);
    this.#refuse(judged, { status: 403, code: 'denied', message: decision.denial.message });
    return 'drop';
  }

  #permitted(judged: Judged, permit: Permit): Step {
    const begun = judged.permitted(permit, this.#ports.gate);
    if (!judged.body?.holds) return begun;
    const rest = this.#forwardBody(judged, judged.body);
    // One that a rule cuts here is none that the target has heard of.
    if (!this.#open.has(judged.exchange)) return 'drop';
    return Buffer.isBuffer(begun) && Buffer.isBuffer(rest) ? Buffer.concat([begun, rest]) : begun;
  }

  /** What the client still sends of it is dropped. */
  #refuse(judged: Judged, reset: ResetMessage): void {
    this.#open.delete(judged.exchange);
    void this.#ports.toClient(refusal(judged, reset));
  }

  #onTarget(bytes: Buffer): Step {
    const message = decodeMessage(bytes);
    const judged = this.#open.get(message.exchange);
    if (!judged) return 'drop';
    if (message.kind === KINDS.answer) return this.#watched(judged, judged.answered(decodeHead(AnswerHead, message.payload)));
    if (message.kind === KINDS.credit) return 'pass';
    if (message.kind === KINDS.data || message.kind === KINDS.end) return this.#onAnswerPart(judged, message);
    this.#open.delete(message.exchange);
    judged.settle(this.#ports.gate, decodeHead(ResetMessage, message.payload).message);
    return 'pass';
  }

  /** Where hiding makes an answer longer, what the client has no room for yet waits here as it came. */
  #onAnswerPart(judged: Judged, message: Pick<Message, 'kind' | 'payload'>): Step {
    if (judged.mayGrow) {
      judged.delay(message.kind, message.payload);
      return this.#late(judged);
    }
    return message.kind === KINDS.end ? this.#onAnswerEnd(judged) : this.#onAnswerPiece(judged, message.payload);
  }

  #late(judged: Judged): Buffer {
    const frames: Buffer[] = [];
    for (let next = judged.nextLate(); next && this.#open.has(judged.exchange); next = judged.nextLate()) {
      const step = next.kind === KINDS.end ? this.#onAnswerEnd(judged) : this.#onAnswerPiece(judged, next.payload);
      if (Buffer.isBuffer(step)) frames.push(step);
    }
    return Buffer.concat(frames);
  }

  #sendLate(judged: Judged): void {
    const frames = this.#late(judged);
    if (frames.length > 0) void this.#ports.toClient(frames);
  }

  #onAnswerPiece(judged: Judged, payload: Buffer): Step {
    const step = judged.answerPiece(payload);
    if (judged.denial) return this.#cutAnswer(judged, judged.denial);
    const pass = (passed: Step): Step => this.#withCredit(judged, passed);
    return step instanceof Promise || judged.sending ? this.#inTurn(judged, step, pass) : pass(step);
  }

  #onAnswerEnd(judged: Judged): Step {
    const over = (rest: Step): Step => {
      this.#open.delete(judged.exchange);
      judged.settle(this.#ports.gate, undefined);
      return rest;
    };
    const rest = judged.answerEnd();
    return rest instanceof Promise || judged.sending ? this.#inTurn(judged, rest, over) : over(rest);
  }

  /** Somebody is asked about a piece of an answer: it goes to the client after what came before it, and other answers go on meanwhile. */
  #inTurn(judged: Judged, step: Step | Promise<Step>, pass: (step: Step) => Step): Step {
    const before = judged.sending ?? Promise.resolve();
    const sent = Promise.all([step, before])
      .then(async ([late]) => {
        // The client may have given it up, or a rule may have cut it.
        if (!this.#open.has(judged.exchange)) return;
        const frames = pass(late);
        if (Buffer.isBuffer(frames) && frames.length > 0) await this.#ports.toClient(frames);
      })
      .then(() => {
        if (judged.sending !== sent) return;
        judged.sending = undefined;
        this.#sendLate(judged);
      })
      .catch((error: unknown) => this.#giveUp(judged, resetOf(asAppError(error))))
      .finally(() => {
        if (judged.sending === sent) judged.sending = undefined;
      });
    judged.sending = sent;
    return 'drop';
  }

  /** The rest of an answer cannot be shown. */
  #giveUp(judged: Judged, reset: ResetMessage): void {
    if (!this.#open.delete(judged.exchange)) return;
    judged.settle(this.#ports.gate, reset.code);
    void this.#ports.toTarget(encodeHead(KINDS.reset, judged.exchange, reset));
    void this.#ports.toClient(encodeHead(KINDS.reset, judged.exchange, reset));
  }

  /** A rule forbids what is in an answer. Where none of it has gone to the client, another one goes instead; else it breaks off. */
  #cutAnswer(judged: Judged, { rule, message }: Denial): Step {
    const reset: ResetMessage = { status: 403, code: 'denied', message };
    judged.settle(this.#ports.gate, `denied: ${rule}`);
    this.#open.delete(judged.exchange);
    void this.#ports.toTarget(encodeHead(KINDS.reset, judged.exchange, reset));
    return judged.guard?.begun ? encodeHead(KINDS.reset, judged.exchange, reset) : refusal(judged, reset);
  }

  #watched(judged: Judged, step: Step): Step {
    judged.watchHeld((frames) => void this.#ports.toClient(frames));
    return step;
  }

  /** A mask that makes a body shorter would otherwise use up what the client allowed to be sent. */
  #withCredit(judged: Judged, step: Step): Step {
    const more = judged.owedCredit();
    if (more) void this.#ports.toTarget(more);
    return this.#watched(judged, step);
  }
}

/** An answer of ours in place of the target's. */
function refusal(judged: Judged, reset: ResetMessage): Buffer {
  const { head, body } = answerWith(reset, judged.head.headers);
  const answer = [encodeHead(KINDS.answer, judged.exchange, head)];
  if (judged.head.method !== 'HEAD') answer.push(encodeMessage(KINDS.data, judged.exchange, body));
  answer.push(encodeMessage(KINDS.end, judged.exchange));
  return Buffer.concat(answer);
}
