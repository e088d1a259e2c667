import type { Denial } from '@hoop/core/action';
import { Refusal } from '@hoop/core/errors';
import type { Decision } from '@hoop/core/gate';
import { encodeFrames } from '../shared/frames.ts';
import { preparing } from '../shared/preparing.ts';
import type { Step } from '../shared/step.ts';
import { Channel } from './channels.ts';
import { CHANNELS_MAX } from './limits.ts';
import {
  badMessage,
  type ChannelOpen,
  dataOf,
  decodeForward,
  decodeOpen,
  decodeRequest,
  encodeMessage,
  extendedDataOf,
  Fields,
  MESSAGE,
  OPEN_FAILURE,
  type Request,
  recipientOf,
  STDERR,
  senderOf,
} from './messages.ts';
import type { Told } from './output/channel-output.ts';
import type { OutputKind } from './output/flow.ts';
import { type Books, isGuarded, printable, withOwn } from './requests.ts';
import type { Guards } from './sftp/guard.ts';
import { denialMessages, FORWARDS_ARE_NOT_SHOWN } from './words.ts';

const NEWLINE = 0x0a;

/** Target to client: keeps the books on what was asked, and lets nothing begin that the client did not ask for. */
export class Answers {
  readonly #books: Books;

  constructor(books: Books) {
    this.#books = books;
  }

  /** @throws PeerFault on what is not this protocol */
  take(message: Buffer): Step | Promise<Step> {
    switch (message[0]) {
      case MESSAGE.channelOpen:
        return this.#open(decodeOpen(message));
      case MESSAGE.globalRequest:
        return this.#global(decodeRequest(message, 1));
      case MESSAGE.requestSuccess:
      case MESSAGE.requestFailure:
        return withOwn(message, this.#books.forClient.answered(message[0] === MESSAGE.requestSuccess));
      default:
        return this.#onChannel(message, this.#books.channels.named('client', recipientOf(message)));
    }
  }

  #onChannel(message: Buffer, channel: Channel): Step | Promise<Step> {
    // Its books are closed, and no rule would see what comes behind its end.
    if (channel.targetClosed && message[0] !== MESSAGE.close) return 'drop';
    switch (message[0]) {
      case MESSAGE.openConfirmation:
        return this.#confirm(message, channel);
      case MESSAGE.openFailure:
        channel.settle(this.#books.gate, 'the host did not open it');
        this.#books.channels.remove(channel);
        return this.#openFailure(message);
      case MESSAGE.channelSuccess:
      case MESSAGE.channelFailure:
        return withOwn(message, channel.forClient.answered(message[0] === MESSAGE.channelSuccess));
      case MESSAGE.close:
        return this.#close(channel, message);
      default:
        return channel.isMuted ? 'drop' : this.#goingOn(message, channel);
    }
  }

  #confirm(message: Buffer, channel: Channel): Step | Promise<Step> {
    const { channels } = this.#books;
    const id = senderOf(message);
    const freed = channels.freed(id);
    if (freed) return freed.then(() => this.#confirm(message, channel));
    channels.confirm(channel, 'target', id);
    return 'pass';
  }

  #goingOn(message: Buffer, channel: Channel): Step | Promise<Step> {
    switch (message[0]) {
      case MESSAGE.data:
        return this.#data(channel, dataOf(message));
      case MESSAGE.extendedData: {
        const { kind, bytes } = extendedDataOf(message);
        // Nobody has given another kind a meaning, so nobody misses it; and no mask would see it.
        if (kind !== STDERR && isGuarded(this.#books.gate, channel.permit)) return 'drop';
        channel.bytes += bytes.length;
        return this.#output('stderr', bytes, channel);
      }
      case MESSAGE.channelRequest:
        return this.#request(message, decodeRequest(message, 5), channel);
      case MESSAGE.windowAdjust:
        return channel.typing?.room(message) ?? 'pass';
      case MESSAGE.eof:
        return this.#behindOutput(message, channel);
      default:
        throw badMessage(`has the number ${message[0]}, which is not known`);
    }
  }

  #data(channel: Channel, bytes: Buffer): Step | Promise<Step> {
    channel.bytes += bytes.length;
    if (channel.sftp) return this.#files(channel, bytes);
    if (channel.type !== 'session') {
      // It was opened before there was anything to hide.
      if (this.#books.gate.mask) throw new Refusal('forward_masked', FORWARDS_ARE_NOT_SHOWN);
      return 'pass';
    }
    if (channel.started === 'exec') {
      for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) channel.lines++;
    }
    return this.#output('stdout', bytes, channel);
  }

  #output(kind: OutputKind, bytes: Buffer, channel: Channel): Step | Promise<Step> {
    const { output } = channel;
    // Before anything was started there is nobody who could say something.
    if (!output) return 'drop';
    channel.typing?.shows(bytes);
    const told = output.take(kind, bytes);
    if (told === 'pass') {
      channel.room -= bytes.length;
      return 'pass';
    }
    return this.#told(told, channel);
  }

  /** Answers about files: as they are, or guarded, in windows apart. */
  #files(channel: Channel, bytes: Buffer): Step | Promise<Step> {
    const { sftp, output, permit } = channel;
    const { gate } = this.#books;
    if (!sftp || !output) return 'drop';
    if (!output.flow && !isGuarded(gate, permit)) {
      channel.room -= bytes.length;
      return sftp.fromTarget(bytes);
    }
    if (!output.flow && !sftp.isAtBorder) return this.#cut(channel, CHANGED_MEANWHILE);
    const guards: Guards = { mask: gate.mask, forbids: permit?.answer?.forbids };
    const flow = output.apart();
    const pass = (): Step | Promise<Step> => {
      flow.took(bytes.length);
      return this.#told({ messages: flow.send('stdout', sftp.fromTargetGuarded(bytes, guards)) }, channel);
    };
    const { mask } = guards;
    if (!mask?.prepare) return pass();
    return preparing(mask, (trial) => sftp.tryGuarded(bytes, { ...guards, mask: trial })).then(pass);
  }

  /** How a command ended. OpenSSH tells it while output still waits at the host. */
  #ending(message: Buffer, channel: Channel): Step | Promise<Step> {
    const told = channel.output?.behind(message) ?? 'pass';
    return told === 'pass' ? 'pass' : this.#told(told, channel);
  }

  /** That no more comes, behind the output. */
  #behindOutput(message: Buffer, channel: Channel): Step | Promise<Step> {
    const told = channel.output?.after(message) ?? 'pass';
    return told === 'pass' ? 'pass' : this.#told(told, channel);
  }

  #told(given: Told | Promise<Told>, channel: Channel): Step | Promise<Step> {
    if (given instanceof Promise) return given.then((told) => (told === 'pass' ? 'pass' : this.#told(told, channel)));
    if (given === 'pass') return 'pass';
    if (given.denial) return this.#cut(channel, given.denial);
    const step = given.messages.length === 0 ? 'drop' : encodeFrames(given.messages);
    const more = channel.targetClosed ? 0 : (channel.output?.flow?.grant() ?? 0);
    if (more === 0) return step;
    const told = this.#books.toTarget(encodeFrames([encodeMessage(MESSAGE.windowAdjust, channel.targetId ?? 0, more)]));
    return told ? told.then(() => step) : step;
  }

  /** Nothing more of a channel is shown: the client hears why, and what ran is ended. */
  #cut(channel: Channel, denial: Denial): Step | Promise<Step> {
    const { targetId = 0 } = channel;
    channel.isMuted = true;
    channel.error = `ended by the rule ${denial.rule}: ${denial.message}`;
    const last = channel.forClient.answer(...(channel.output?.stop() ?? []), ...denialMessages(denial, channel, true));
    const step = last.length === 0 ? 'drop' : encodeFrames(last);
    if (channel.clientClosed) return step;
    const signals = LAST_SIGNALS.map((signal) => encodeMessage(MESSAGE.channelRequest, targetId, 'signal', false, signal));
    const told = this.#books.toTarget(encodeFrames([...signals, encodeMessage(MESSAGE.close, targetId)]));
    return told ? told.then(() => step) : step;
  }

  /** Words of the host's making. */
  #openFailure(message: Buffer): Step {
    const { mask } = this.#books.gate;
    if (!mask) return 'pass';
    const fields = new Fields(message, 5);
    const reason = fields.u32();
    const words = fields.bytes();
    const shown = mask.suspects(words) ? mask.apply(words, {}) : words;
    return encodeFrames([encodeMessage(MESSAGE.openFailure, recipientOf(message), reason, shown, '')]);
  }

  #request(message: Buffer, { name, wantReply, fields }: Request, channel: Channel): Step | Promise<Step> {
    switch (name) {
      case 'exit-status':
        channel.exitCode = fields.u32();
        return this.#ending(message, channel);
      case 'exit-signal': {
        const signal = printable(fields.text());
        channel.error = channel.signalled === undefined ? `signal ${signal}` : `cancelled by signal ${signal}`;
        if (!this.#books.gate.mask) return this.#ending(message, channel);
        const plain = withoutWords(message, signal);
        const told = this.#ending(plain, channel);
        return told === 'pass' ? encodeFrames([plain]) : told;
      }
      case 'keepalive@openssh.com':
        if (wantReply) channel.forTarget.expect();
        return 'pass';
      case 'eow@openssh.com':
      case 'xon-xoff':
        return wantReply ? this.#refuse(channel) : 'pass';
      default:
        return wantReply ? this.#refuse(channel) : 'drop';
    }
  }

  #refuse(channel: Channel): Step | Promise<Step> {
    return this.#tell(channel.forTarget.answer(encodeMessage(MESSAGE.channelFailure, channel.targetId ?? 0)));
  }

  /** A host that somebody reached through a remote forward. */
  #open(open: ChannelOpen): Step | Promise<Step> {
    const { channels, gate, allow, remoteForwards } = this.#books;
    const refuse = (reason: number): Step | Promise<Step> => this.#tell([encodeMessage(MESSAGE.openFailure, open.sender, reason, '', '')]);
    if (open.type !== 'forwarded-tcpip' || !allow.remoteForward || remoteForwards === 0) return refuse(OPEN_FAILURE.prohibited);
    if (channels.size >= CHANNELS_MAX) return refuse(OPEN_FAILURE.shortage);
    const { host, port, origin } = decodeForward(open.rest);
    const channel = new Channel('forwarded-tcpip', { targetId: open.sender });
    channels.add(channel);
    const decided = ({ permit }: Decision): Step | Promise<Step> => {
      channel.permit = permit;
      if (permit && !isGuarded(gate, permit)) return 'pass';
      channel.settle(gate, FORWARDS_ARE_NOT_SHOWN);
      channels.remove(channel);
      return refuse(OPEN_FAILURE.prohibited);
    };
    const decision = gate.ask('forward', `from ${origin} to ${host}:${port}`);
    return decision instanceof Promise ? decision.then(decided) : decided(decision);
  }

  /** Nothing of it concerns the client: the host's own keys would be taken for the gateway's. */
  #global({ name, wantReply }: Request): Step | Promise<Step> {
    if (name === 'keepalive@openssh.com' && wantReply) {
      this.#books.forTarget.expect();
      return 'pass';
    }
    return wantReply ? this.#tell(this.#books.forTarget.answer(Buffer.from([MESSAGE.requestFailure]))) : 'drop';
  }

  #close(channel: Channel, message: Buffer): Step | Promise<Step> {
    if (channel.targetClosed) throw badMessage('closes a channel again');
    channel.targetClosed = true;
    channel.ptyAnswer?.resolve();
    const told = channel.isMuted ? 'pass' : (channel.output?.after(message) ?? 'pass');
    return told instanceof Promise ? told.then((late) => this.#closed(channel, message, late)) : this.#closed(channel, message, told);
  }

  #closed(channel: Channel, message: Buffer, told: Told): Step {
    channel.settle(this.#books.gate);
    if (channel.clientClosed) this.#books.channels.remove(channel);
    const own = channel.forClient.flush();
    if (told === 'pass') return own.length === 0 ? 'pass' : encodeFrames([...own, message]);
    const messages = [...own, ...told.messages];
    return messages.length === 0 ? 'drop' : encodeFrames(messages);
  }

  #tell(messages: readonly Buffer[]): Step | Promise<Step> {
    if (messages.length === 0) return 'drop';
    const held = this.#books.toTarget(encodeFrames(messages));
    return held ? held.then(() => 'drop' as const) : 'drop';
  }
}

/** What a terminal that is gone sends, and what asks a program to end. */
export const LAST_SIGNALS = ['HUP', 'TERM'];

/** The signal that ended a command, without what the host says about it. (RFC 4254, section 6.10) */
function withoutWords(message: Buffer, signal: string): Buffer {
  return encodeMessage(MESSAGE.channelRequest, recipientOf(message), 'exit-signal', false, signal, false, '', '');
}

const CHANGED_MEANWHILE: Denial = {
  rule: 'masking',
  message: 'The rules of this connection changed while a file was read, and files are not shown under the new ones',
};
