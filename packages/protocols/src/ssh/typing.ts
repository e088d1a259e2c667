import type { Denial } from '@hoop/core/action';
import { cutText } from '@hoop/core/bytes';
import { encodeFrames } from '../shared/frames.ts';
import { WATCHED_BYTES_MAX } from '../shared/limits.ts';
import { deniedWords, warningWords } from '../shared/lines/denied-words.ts';
import { JudgedInput } from '../shared/lines/judged-input.ts';
import { ShownLine } from '../shared/lines/shown-line.ts';
import type { Step } from '../shared/step.ts';
import type { Channel } from './channels.ts';
import { HELD_INPUT_BYTES_MAX } from './limits.ts';
import { encodeMessage, MESSAGE } from './messages.ts';
import type { Books } from './requests.ts';

/**
 * What is typed into one channel's terminal. Where rules judge actions, an Enter and what comes behind it waits for the verdict on its
 * line, in this channel alone; elsewhere everything passes as it came, and lines are recorded after the fact.
 */
export class Typing {
  readonly #books: Books;
  readonly #channel: Channel;
  readonly #shown: ShownLine;
  readonly #input: JudgedInput;
  /** What came last is being looked at, and what comes now has to wait for its turn. */
  #turn: Promise<void> | undefined;
  /** Input that waits, and has not passed. */
  #heldBytes = 0;
  /** Input that has passed, and waits to be looked at. */
  #watchedBytes = 0;
  /** Input passed that was not looked at. */
  #isLost = false;
  /** Collects what goes on at once; in a turn of its own it is sent. */
  #atOnce: Buffer[] | undefined;
  /** What the target was sent beyond what the client has sent, or less than that: their windows differ by so much. */
  #surplus = 0;
  #fault: { readonly error: unknown } | undefined;
  #isOver = false;

  constructor(books: Books, channel: Channel) {
    this.#books = books;
    this.#channel = channel;
    this.#shown = new ShownLine(channel.size?.columns ?? 0);
    this.#input = new JudgedInput({
      gate: books.gate,
      shown: this.#shown,
      send: (bytes) => this.#send(bytes),
      tell: (denial, prompt) => this.#tell(denial, prompt),
      warn: (notice) => this.#say(warningWords(notice)),
    });
  }

  /** Of the line that was handed over last. */
  get permit(): JudgedInput['permit'] {
    return this.#input.permit;
  }

  /** Data of the client. @throws what went wrong with what came before */
  take(bytes: Buffer): Step | Promise<Step> {
    if (this.#fault) throw this.#fault.error;
    if (this.#isOver) return 'drop';
    const isFree = this.#heldBytes === 0 && !this.#input.holdsKey;
    if (isFree && (this.#books.gate.allowsAll || !this.#channel.hasPty)) {
      this.#watch(bytes);
      return 'pass';
    }
    if (this.#turn) return this.#hold(bytes.length, Buffer.from(bytes));
    this.#atOnce = [];
    const slow = this.#input.feed(bytes);
    const sent = Buffer.concat(this.#atOnce);
    this.#atOnce = undefined;
    this.#surplus += sent.length - bytes.length;
    if (slow) {
      this.#heldBytes += bytes.length;
      this.#begin(slow.then(() => this.#released(bytes.length)));
    }
    if (sent.length === 0) return 'drop';
    return sent.equals(bytes) ? 'pass' : encodeFrames([encodeMessage(MESSAGE.data, this.#channel.targetId ?? 0, sent)]);
  }

  /** A message that must not come before what was typed. */
  behind(message: Buffer): Step | Promise<Step> {
    if (this.#heldBytes === 0) return 'pass';
    const last = Buffer.from(message);
    this.#after(async () => {
      if (this.#isOpen) await this.#books.toTarget(encodeFrames([last]));
    });
    return 'drop';
  }

  /** Output of the target, before anything in it is hidden. */
  shows(bytes: Buffer): void {
    this.#input.noteOutput(bytes.length);
    this.#shown.feed(bytes);
  }

  resize(columns: number): void {
    this.#shown.resize(columns);
  }

  /** Room that the target gives: what it was sent without the client's sending it takes some of that. */
  room(message: Buffer): Step {
    if (this.#surplus <= 0 || message.length !== 9) return 'pass';
    const amount = message.readUInt32BE(5);
    const kept = Math.min(amount, this.#surplus);
    this.#surplus -= kept;
    if (kept === amount) return 'drop';
    return encodeFrames([encodeMessage(MESSAGE.windowAdjust, message.readUInt32BE(1), amount - kept)]);
  }

  /** The channel is over: what is held goes nowhere. */
  end(error?: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#input.end(error);
  }

  get #isOpen(): boolean {
    const { isMuted, clientClosed, targetClosed } = this.#channel;
    return !this.#isOver && !isMuted && !clientClosed && !targetClosed;
  }

  /** Lines that are recorded after the fact. Where more comes than anybody types, none are looked for. */
  #watch(bytes: Buffer): void {
    if (!this.#channel.hasPty) return;
    const count = bytes.length;
    this.#isLost ||= this.#watchedBytes + count > WATCHED_BYTES_MAX;
    if (this.#isLost) {
      if (this.#turn) return;
      this.#input.skip();
      this.#isLost = count > WATCHED_BYTES_MAX;
      if (this.#isLost) return;
    }
    const done = (): void => {
      this.#watchedBytes -= count;
    };
    if (this.#turn) {
      const copy = Buffer.from(bytes);
      this.#after(() => Promise.resolve(this.#input.watch(copy, true)).then(done));
    } else {
      const slow = this.#input.watch(bytes);
      if (!slow) return;
      this.#begin(slow.then(done));
    }
    this.#watchedBytes += count;
  }

  /** Behind what is being looked at. A client that goes on without end waits, and its other channels with it. */
  #hold(count: number, bytes: Buffer): Step | Promise<Step> {
    this.#heldBytes += count;
    this.#after(async () => {
      this.#surplus -= count;
      await this.#input.feed(bytes);
      await this.#released(count);
    });
    return this.#heldBytes > HELD_INPUT_BYTES_MAX ? (this.#turn ?? Promise.resolve()).then(() => 'drop' as const) : 'drop';
  }

  /** What was denied will not be read by the target, which would never give room for it again. */
  #released(count: number): void | Promise<void> {
    this.#heldBytes -= count;
    const isAllSent = this.#heldBytes === 0 && !this.#input.holdsKey;
    if (this.#surplus >= 0 || !isAllSent || !this.#isOpen) return undefined;
    const given = -this.#surplus;
    this.#surplus = 0;
    return this.#books.toClient(encodeFrames([encodeMessage(MESSAGE.windowAdjust, this.#channel.clientId ?? 0, given)]));
  }

  #after(work: () => Promise<void>): void {
    this.#begin((this.#turn ?? Promise.resolve()).then(work));
  }

  #begin(work: Promise<void>): void {
    const turn = work
      .catch((error: unknown) => {
        this.#fault ??= { error };
      })
      .finally(() => {
        if (this.#turn === turn) this.#turn = undefined;
      });
    this.#turn = turn;
  }

  #send(bytes: Buffer): void | Promise<void> {
    if (this.#atOnce) {
      this.#atOnce.push(bytes);
      return undefined;
    }
    if (!this.#isOpen) return undefined;
    this.#surplus += bytes.length;
    return this.#books.toTarget(encodeFrames([encodeMessage(MESSAGE.data, this.#channel.targetId ?? 0, bytes)]));
  }

  #tell(denial: Denial, prompt: string): void | Promise<void> {
    return this.#say(deniedWords(denial, prompt, this.#books.gate.mask));
  }

  /** On the terminal, as far as the client has kept room for words of ours. */
  #say(words: Buffer): void | Promise<void> {
    const { output } = this.#channel;
    if (!this.#isOpen || !output) return undefined;
    const text = Buffer.from(cutText(words.toString('utf8'), this.#channel.ownWindow));
    if (text.length === 0) return undefined;
    this.#channel.ownWindow -= text.length;
    this.#shown.feed(text);
    const messages = output.say(text);
    const told = (said: readonly Buffer[]): void | Promise<void> =>
      said.length === 0 ? undefined : this.#books.toClient(encodeFrames(said));
    return messages instanceof Promise ? messages.then(told) : told(messages);
  }
}
