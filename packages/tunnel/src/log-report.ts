import { type AgentMessage, FRAME_KINDS, type LogEntry } from '@hoop/contract/tunnel';
import {
  REPORT_BATCH_CHARS_MAX,
  REPORT_BATCH_ENTRIES_MAX,
  REPORT_ENTRIES_MAX,
  REPORT_EVERY_MS,
  REPORT_TEXT_CHARS_MAX,
} from './settings.ts';
import type { FrameStream } from './stream.ts';

/** What an agent logged and has not told its gateway yet. Kept while there is no link or it is slow; the oldest entries go first. */
export class LogReport {
  #waiting: LogEntry[] = [];
  #stream: FrameStream | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sending = false;

  add(entries: readonly LogEntry[]): void {
    for (const entry of entries.slice(-REPORT_ENTRIES_MAX)) this.#waiting.push(shortened(entry));
    if (this.#waiting.length > REPORT_ENTRIES_MAX) this.#waiting = this.#waiting.slice(-REPORT_ENTRIES_MAX);
    this.#schedule();
  }

  /** From here on entries go to this control stream. */
  link(stream: FrameStream): void {
    this.#stream = stream;
    this.#schedule();
  }

  unlink(): void {
    this.#stream = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #schedule(): void {
    if (!this.#stream || this.#sending || this.#timer || this.#waiting.length === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#send();
    }, REPORT_EVERY_MS);
    this.#timer.unref();
  }

  async #send(): Promise<void> {
    const stream = this.#stream;
    if (!stream) return;
    const message: AgentMessage = { type: 'logs', entries: this.#batch() };
    this.#sending = true;
    await stream.send(FRAME_KINDS.control, Buffer.from(JSON.stringify(message)));
    this.#sending = false;
    this.#schedule();
  }

  #batch(): LogEntry[] {
    let chars = 0;
    const end = this.#waiting.findIndex(({ message, facts }, index) => {
      chars += message.length + facts.length;
      return index > 0 && (chars > REPORT_BATCH_CHARS_MAX || index >= REPORT_BATCH_ENTRIES_MAX);
    });
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }
}

/** Facts are JSON, which cannot be cut: without them an entry is still one. */
function shortened(entry: LogEntry): LogEntry {
  const { message, facts } = entry;
  if (message.length <= REPORT_TEXT_CHARS_MAX && facts.length <= REPORT_TEXT_CHARS_MAX) return entry;
  return { ...entry, message: message.slice(0, REPORT_TEXT_CHARS_MAX), facts: facts.length > REPORT_TEXT_CHARS_MAX ? '{}' : facts };
}
