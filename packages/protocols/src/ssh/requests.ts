import type { Denial } from '@hoop/core/action';
import { PeerFault } from '@hoop/core/errors';
import type { Decision, Gate, Permit } from '@hoop/core/gate';
import { encodeFrames } from '../shared/frames.ts';
import type { Step } from '../shared/step.ts';
import { Channel, type Channels, type Start } from './channels.ts';
import { CHANNELS_MAX, ENV_BYTES_MAX, ENV_COUNT_MAX, REMOTE_FORWARDS_MAX, REQUESTS_MAX, REQUESTS_WINDOW_MS } from './limits.ts';
import {
  badMessage,
  type ChannelOpen,
  dataOf,
  decodeForward,
  decodeOpen,
  decodeRequest,
  encodeMessage,
  extendedDataOf,
  MESSAGE,
  OPEN_FAILURE,
  type Request,
  recipientOf,
  senderOf,
} from './messages.ts';
import { packingProgram } from './output/binary.ts';
import { ChannelOutput } from './output/channel-output.ts';
import type { Flow } from './output/flow.ts';
import type { Replies } from './replies.ts';
import { SftpAudit } from './sftp/audit.ts';
import { Typing } from './typing.ts';
import { denialMessages, FORWARDS_ARE_NOT_SHOWN, noticeMessages, packedDenial } from './words.ts';

/** What both directions of a session know together. */
export interface Books {
  readonly gate: Gate;
  readonly channels: Channels;
  /** Answers to requests about the session itself, for either side. */
  readonly forClient: Replies;
  readonly forTarget: Replies;
  readonly allow: { readonly localForward: boolean; readonly remoteForward: boolean; readonly pty: boolean };
  remoteForwards: number;
  /** Writes to the client that it has not taken yet. */
  slowWrites: number;
  toClient(bytes: Buffer): void | Promise<void>;
  toTarget(bytes: Buffer): void | Promise<void>;
}

/** Environment that says how to show things, and what git speaks: nothing that makes a shell or a linker do something else. */
const ENV_ALLOWED = /^(LANG|LANGUAGE|LC_[A-Z]+|TZ|COLORTERM|NO_COLOR|GIT_PROTOCOL)$/;

/** Client to target: what is asked for is judged before it is sent. */
export class Requests {
  readonly #books: Books;
  #requests = 0;
  #since_ms = 0;

  constructor(books: Books) {
    this.#books = books;
  }

  /** @throws PeerFault on what is not this protocol */
  take(message: Buffer): Step | Promise<Step> {
    const type = message[0] ?? 0;
    if (type === MESSAGE.channelRequest || type === MESSAGE.channelOpen || type === MESSAGE.globalRequest) this.#count();
    switch (type) {
      case MESSAGE.channelOpen:
        return this.#open(message, decodeOpen(message));
      case MESSAGE.globalRequest:
        return this.#global(decodeRequest(message, 1));
      case MESSAGE.requestSuccess:
      case MESSAGE.requestFailure:
        return withOwn(message, this.#books.forTarget.answered(message[0] === MESSAGE.requestSuccess));
      case MESSAGE.disconnect:
        return 'drop';
      default:
        return this.#onChannel(message, this.#books.channels.named('target', recipientOf(message)));
    }
  }

  /** Each costs us work, and the host too. @throws PeerFault `too_many_requests` */
  #count(): void {
    const now = performance.now();
    if (now - this.#since_ms > REQUESTS_WINDOW_MS) {
      this.#since_ms = now;
      this.#requests = 0;
    }
    if (++this.#requests > REQUESTS_MAX)
      throw new PeerFault('too_many_requests', 'The client asks for too much at once; let it open fewer channels, and less often');
  }

  #onChannel(message: Buffer, channel: Channel): Step | Promise<Step> {
    if (message[0] === MESSAGE.close) return this.#close(channel);
    if (channel.isMuted) return 'drop';
    switch (message[0]) {
      case MESSAGE.data: {
        const bytes = dataOf(message);
        return channel.sftp ? channel.sftp.fromClient(bytes) : (channel.typing?.take(bytes) ?? 'pass');
      }
      case MESSAGE.windowAdjust:
        return this.#window(message, channel);
      case MESSAGE.channelRequest:
        return this.#request(decodeRequest(message, 5), channel);
      case MESSAGE.channelSuccess:
      case MESSAGE.channelFailure:
        return withOwn(message, channel.forTarget.answered(message[0] === MESSAGE.channelSuccess));
      case MESSAGE.openConfirmation:
        this.#books.channels.confirm(channel, 'client', senderOf(message));
        return 'pass';
      case MESSAGE.openFailure:
        channel.settle(this.#books.gate, 'the client did not take it');
        this.#books.channels.remove(channel);
        return 'pass';
      case MESSAGE.eof:
        return channel.typing?.behind(message) ?? 'pass';
      case MESSAGE.extendedData:
        extendedDataOf(message);
        throw badMessage('of the client carries error output, which only a host has');
      default:
        throw badMessage(`has the number ${message[0]}, which is not known`);
    }
  }

  #open(message: Buffer, open: ChannelOpen): Step | Promise<Step> {
    const { channels, allow } = this.#books;
    if (channels.size >= CHANNELS_MAX) {
      return this.#refuseOpen(open.sender, OPEN_FAILURE.shortage, `This session has ${CHANNELS_MAX} channels open, and takes no more`);
    }
    if (open.type === 'session') {
      open.rest.end();
      const channel = new Channel('session', { clientId: open.sender });
      channels.add(channel);
      const narrowed = Buffer.from(message);
      narrowed.writeUInt32BE(channel.reserve(open.window), open.windowAt);
      channel.packetBytesMax = open.packetBytesMax;
      return encodeFrames([narrowed]);
    }
    if (open.type !== 'direct-tcpip')
      return this.#refuseOpen(open.sender, OPEN_FAILURE.prohibited, `${printable(open.type)} is not taken here`);
    const { host, port } = decodeForward(open.rest);
    if (!allow.localForward)
      return this.#refuseOpen(open.sender, OPEN_FAILURE.prohibited, 'Forwarding is switched off for this connection');
    const channel = new Channel('direct-tcpip', { clientId: open.sender });
    channels.add(channel);
    const decided = ({ permit, denial }: Decision): Step | Promise<Step> => {
      channel.permit = permit;
      if (permit && !isGuarded(this.#books.gate, permit)) return 'pass';
      channel.settle(this.#books.gate, FORWARDS_ARE_NOT_SHOWN);
      channels.remove(channel);
      return this.#refuseOpen(open.sender, OPEN_FAILURE.prohibited, denial?.message ?? FORWARDS_ARE_NOT_SHOWN);
    };
    return later(this.#books.gate.ask('forward', `${host}:${port}`), decided);
  }

  #refuseOpen(sender: number, reason: number, words: string): Step | Promise<Step> {
    return this.#tell([encodeMessage(MESSAGE.openFailure, sender, reason, words, '')]);
  }

  #global(request: Request): Step | Promise<Step> {
    const { forClient, allow } = this.#books;
    switch (request.name) {
      case 'keepalive@openssh.com':
        if (request.wantReply) forClient.expect();
        return 'pass';
      case 'tcpip-forward':
        return allow.remoteForward ? this.#listen(request) : this.#refuseGlobal(request);
      case 'cancel-tcpip-forward':
        if (!allow.remoteForward) return this.#refuseGlobal(request);
        if (request.wantReply) forClient.expect();
        this.#books.remoteForwards = Math.max(0, this.#books.remoteForwards - 1);
        return 'pass';
      case 'no-more-sessions@openssh.com':
        return this.#answerGlobal(request, MESSAGE.requestSuccess);
      default:
        return this.#refuseGlobal(request);
    }
  }

  #listen(request: Request): Step | Promise<Step> {
    const host = request.fields.text();
    const port = request.fields.u32();
    request.fields.end();
    const { gate, forClient } = this.#books;
    if (this.#books.remoteForwards >= REMOTE_FORWARDS_MAX) return this.#refuseGlobal(request);
    const decided = ({ permit }: Decision): Step | Promise<Step> => {
      if (permit && isGuarded(gate, permit)) gate.settle(permit, { rows: 0, bytes: 0, error: FORWARDS_ARE_NOT_SHOWN });
      if (!permit || isGuarded(gate, permit)) return this.#refuseGlobal(request);
      this.#books.remoteForwards++;
      const settled = (ok: boolean): void => {
        if (!ok) this.#books.remoteForwards = Math.max(0, this.#books.remoteForwards - 1);
        gate.settle(permit, { rows: 0, bytes: 0, ...(ok ? {} : { error: 'the host refused it' }) });
      };
      if (request.wantReply) forClient.expect(settled);
      else settled(true);
      return 'pass';
    };
    return later(gate.ask('forward', `listen ${host}:${port}`), decided);
  }

  #refuseGlobal(request: Request): Step | Promise<Step> {
    return this.#answerGlobal(request, MESSAGE.requestFailure);
  }

  #answerGlobal({ wantReply }: Request, type: number): Step | Promise<Step> {
    return wantReply ? this.#tell(this.#books.forClient.answer(Buffer.from([type]))) : 'drop';
  }

  #request(request: Request, channel: Channel): Step | Promise<Step> {
    if (channel.type !== 'session') return this.#refuse(request, channel);
    switch (request.name) {
      case 'shell':
        request.fields.end();
        return this.#start('shell', 'shell', request, channel);
      case 'exec':
      case 'subsystem': {
        const text = request.fields.text();
        request.fields.end();
        // Whoever reads it as C does would run less than what was judged.
        if (text.includes('\0')) throw badMessage('has a command with a zero byte in it');
        return this.#start(request.name, text, request, channel);
      }
      case 'env':
        return this.#env(request, channel);
      case 'pty-req':
        if (!this.#books.allow.pty || channel.started) return this.#refuse(request, channel);
        return this.#pty(request, channel);
      case 'signal':
        channel.signalled = printable(request.fields.text());
        return this.#pass(request, channel);
      case 'window-change':
        channel.size = { columns: request.fields.u32(), rows: request.fields.u32() };
        channel.output?.resized();
        channel.typing?.resize(channel.size.columns);
        return this.#pass(request, channel);
      case 'break':
      case 'eow@openssh.com':
        return this.#pass(request, channel);
      default:
        return this.#refuse(request, channel);
    }
  }

  #pty(request: Request, channel: Channel): Step {
    request.fields.bytes();
    channel.size = { columns: request.fields.u32(), rows: request.fields.u32() };
    channel.hasPty = true;
    // Whoever does not want to know has a terminal for all that we know.
    if (request.wantReply) {
      channel.ptyAnswer = Promise.withResolvers();
      channel.forClient.expect((ok) => {
        channel.hasPty = ok;
        channel.isPtySure = ok;
        channel.ptyAnswer?.resolve();
        channel.ptyAnswer = undefined;
      });
    }
    return 'pass';
  }

  #env(request: Request, channel: Channel): Step | Promise<Step> {
    const name = request.fields.text();
    const value = request.fields.bytes();
    const fits = name.length + value.length <= ENV_BYTES_MAX && channel.envCount < ENV_COUNT_MAX;
    if (!fits || !ENV_ALLOWED.test(name) || channel.started) return this.#refuse(request, channel);
    channel.envCount++;
    return this.#pass(request, channel);
  }

  #start(start: Start, text: string, request: Request, channel: Channel): Step | Promise<Step> {
    if (channel.started) return this.#refuse(request, channel);
    channel.started = start;
    const { gate } = this.#books;
    const ask = (): Step | Promise<Step> => {
      const decided = (decision: Decision): Step | Promise<Step> => this.#decided(decision, start, text, request, channel);
      return later(gate.ask(viaOf(start, channel, gate), text), decided);
    };
    // A host that gives no terminal would have a shell into which nobody sees.
    const unsure = start === 'shell' && channel.hasPty && !gate.allowsAll ? channel.ptyAnswer : undefined;
    return unsure ? unsure.promise.then(ask) : ask();
  }

  #decided({ permit, denial }: Decision, start: Start, text: string, request: Request, channel: Channel): Step | Promise<Step> {
    const { gate } = this.#books;
    if (!permit) return this.#deny(denial, request, channel);
    channel.permit = permit;
    const program = isGuarded(gate, permit) ? packingProgram(start === 'exec' ? text : '') : undefined;
    if (program !== undefined) {
      channel.settle(gate, `refused: what ${program} sends cannot be looked at`);
      return this.#deny(packedDenial(program), request, channel);
    }
    channel.output = new ChannelOutput(
      gate,
      channel,
      permit,
      (messages) => this.#said(messages, channel),
      () => this.#books.slowWrites > 0,
    );
    if (start === 'subsystem' && text === 'sftp') channel.sftp = new SftpAudit(this.#books, channel);
    else if (channel.hasPty) channel.typing = new Typing(this.#books, channel);
    if (request.wantReply) {
      channel.forClient.expect((ok) => {
        if (!ok) channel.settle(gate, 'the host refused it');
      });
    }
    return this.#warn(permit, channel);
  }

  /** Behind the host's answer, and so before anything that runs can say something. */
  #warn({ notice }: Permit, channel: Channel): Step | Promise<Step> {
    if (notice === undefined) return 'pass';
    const told = this.#tell(channel.forClient.answer(...noticeMessages(notice, channel)));
    return told instanceof Promise ? told.then(() => 'pass') : 'pass';
  }

  /**
   * The client is told on the error output of what it asked for, as by a command that failed; the host only hears that the channel
   * is closed. The client hears that when the host has closed it too, so that its number is free on both sides.
   */
  #deny(denial: Denial, { wantReply }: Request, channel: Channel): Step | Promise<Step> {
    const { clientId = 0, targetId = 0 } = channel;
    channel.isMuted = true;
    const messages = [...(wantReply ? [encodeMessage(MESSAGE.channelSuccess, clientId)] : []), ...denialMessages(denial, channel)];
    const close = encodeFrames([encodeMessage(MESSAGE.close, targetId)]);
    const told = this.#tell(channel.forClient.answer(...messages));
    return told instanceof Promise ? told.then(() => close) : close;
  }

  #pass(request: Request, channel: Channel): Step {
    if (request.wantReply) channel.forClient.expect();
    return 'pass';
  }

  #refuse({ wantReply }: Request, channel: Channel): Step | Promise<Step> {
    if (!wantReply) return 'drop';
    return this.#tell(channel.forClient.answer(encodeMessage(MESSAGE.channelFailure, channel.clientId ?? 0)));
  }

  #window(message: Buffer, channel: Channel): Step | Promise<Step> {
    if (message.length !== 9) throw badMessage('is cut off');
    const amount = message.readUInt32BE(5);
    const rest = channel.refill(amount);
    if (channel.output?.flow) return this.#windowApart(channel, channel.output.flow, rest);
    const step =
      rest === amount ? 'pass' : rest === 0 ? 'drop' : encodeFrames([encodeMessage(MESSAGE.windowAdjust, channel.targetId ?? 0, rest)]);
    const told = channel.sftp?.speak();
    return told instanceof Promise ? told.then(() => step) : step;
  }

  /** The target gets room of its own; the client gets what has waited for this. */
  #windowApart(channel: Channel, flow: Flow, amount: number): Step | Promise<Step> {
    const told = this.#tell(flow.given(amount));
    const spoken = channel.sftp?.speak();
    const more = channel.targetClosed ? 0 : flow.grant();
    const step = more === 0 ? 'drop' : encodeFrames([encodeMessage(MESSAGE.windowAdjust, channel.targetId ?? 0, more)]);
    if (!(told instanceof Promise) && !spoken) return step;
    return Promise.all([told, spoken]).then(() => step);
  }

  /** Output that had waited, outside of an answer's turn. */
  async #said(messages: readonly Buffer[], channel: Channel): Promise<void> {
    const more = channel.output?.flow?.grant() ?? 0;
    if (messages.length > 0) await this.#books.toClient(encodeFrames(messages));
    if (more > 0 && !channel.targetClosed)
      await this.#books.toTarget(encodeFrames([encodeMessage(MESSAGE.windowAdjust, channel.targetId ?? 0, more)]));
  }

  #close(channel: Channel): Step | Promise<Step> {
    const { channels } = this.#books;
    if (channel.clientClosed) throw badMessage('closes a channel again');
    channel.clientClosed = true;
    channel.typing?.end();
    if (channel.targetClosed) channels.remove(channel);
    // A muted one was closed for the target already.
    const step: Step = channel.isMuted ? 'drop' : 'pass';
    const told = this.#tell(channel.output?.stop() ?? []);
    return told instanceof Promise ? told.then(() => step) : step;
  }

  #tell(messages: readonly Buffer[]): Step | Promise<Step> {
    if (messages.length === 0) return 'drop';
    const held = this.#books.toClient(encodeFrames(messages));
    return held ? held.then(() => 'drop' as const) : 'drop';
  }
}

/** A shell in which every line will be judged is a terminal; into another one nobody sees. */
function viaOf(start: Start, { hasPty, isPtySure }: Channel, gate: Gate): Start | 'terminal' {
  return start === 'shell' && hasPty && (isPtySure || gate.allowsAll) ? 'terminal' : start;
}

/** Whether anything that is shown for this action has to be looked at first. */
export function isGuarded(gate: Gate, permit: Permit | undefined): boolean {
  return gate.mask !== undefined || permit?.answer?.forbids !== undefined;
}

function later<T>(decision: Decision | Promise<Decision>, then: (decision: Decision) => T | Promise<T>): T | Promise<T> {
  return decision instanceof Promise ? decision.then(then) : then(decision);
}

/** A message, and behind it answers of our own that have waited for it. */
export function withOwn(message: Buffer, own: readonly Buffer[]): Step {
  return own.length === 0 ? 'pass' : encodeFrames([message, ...own]);
}

const NAME_CHARACTERS_MAX = 64;

/** A name of the other side's making, for words of ours. */
export function printable(name: string): string {
  return name.slice(0, NAME_CHARACTERS_MAX).replace(/[^\x20-\x7e]/g, '?');
}
