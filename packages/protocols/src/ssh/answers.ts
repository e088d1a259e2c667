import type { Decision } from '@hoop/core/gate';
import { encodeFrames, type Step } from '../shared/frames.ts';
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
  MESSAGE,
  OPEN_FAILURE,
  type Request,
  recipientOf,
} from './messages.ts';
import { type Books, printable, withOwn } from './requests.ts';

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
    switch (message[0]) {
      case MESSAGE.openConfirmation:
        if (message.length < 17) throw badMessage('is cut off');
        this.#books.channels.confirm(channel, 'target', message.readUInt32BE(5));
        return 'pass';
      case MESSAGE.openFailure:
        channel.settle(this.#books.gate, 'the host did not open it');
        this.#books.channels.remove(channel);
        return 'pass';
      case MESSAGE.channelSuccess:
      case MESSAGE.channelFailure:
        return withOwn(message, channel.forClient.answered(message[0] === MESSAGE.channelSuccess));
      case MESSAGE.close:
        return this.#close(channel, message);
      default:
        return channel.isMuted ? 'drop' : this.#goingOn(message, channel);
    }
  }

  #goingOn(message: Buffer, channel: Channel): Step | Promise<Step> {
    switch (message[0]) {
      case MESSAGE.data:
        return this.#data(channel, dataOf(message));
      case MESSAGE.extendedData: {
        const { bytes } = extendedDataOf(message);
        channel.bytes += bytes.length;
        channel.complains(bytes);
        return 'pass';
      }
      case MESSAGE.channelRequest:
        return this.#request(decodeRequest(message, 5), channel);
      case MESSAGE.windowAdjust:
      case MESSAGE.eof:
        return 'pass';
      default:
        throw badMessage(`has the number ${message[0]}, which is not known`);
    }
  }

  #data(channel: Channel, bytes: Buffer): Step | Promise<Step> {
    channel.bytes += bytes.length;
    if (channel.sftp) return channel.sftp.fromTarget(bytes);
    if (channel.started === 'exec') {
      for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) channel.lines++;
    }
    return 'pass';
  }

  #request({ name, wantReply, fields }: Request, channel: Channel): Step | Promise<Step> {
    switch (name) {
      case 'exit-status':
        channel.exitCode = fields.u32();
        return 'pass';
      case 'exit-signal': {
        const signal = printable(fields.text());
        channel.error = channel.signalled === undefined ? `signal ${signal}` : `cancelled by signal ${signal}`;
        return 'pass';
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
      if (permit) return 'pass';
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

  #close(channel: Channel, message: Buffer): Step {
    if (channel.targetClosed) throw badMessage('closes a channel again');
    channel.targetClosed = true;
    channel.settle(this.#books.gate);
    if (channel.clientClosed) this.#books.channels.remove(channel);
    const own = channel.forClient.flush();
    return own.length === 0 ? 'pass' : encodeFrames([...own, message]);
  }

  #tell(messages: readonly Buffer[]): Step | Promise<Step> {
    if (messages.length === 0) return 'drop';
    const held = this.#books.toTarget(encodeFrames(messages));
    return held ? held.then(() => 'drop' as const) : 'drop';
  }
}
