import { ExitMessage, TERMINAL_FRAMES, TerminalFrameReader } from '@hoop/contract/terminal';
import type { ExecuteContext, Execution } from '@hoop/core/protocol';
import { frame, framesOf } from './words.ts';

/** Runs a script as a client of our own relay: its output is stdout, stderr and our words, in the order in which they came. */
export async function execute(context: ExecuteContext): Promise<Execution> {
  const { wire, script } = context;
  // Not awaited: a relay that refuses answers before it has read the whole script, and reads no more of it.
  void send(context, Buffer.from(script)).catch(() => undefined);
  const reader = new TerminalFrameReader();
  const output = { room: context.outputBytesMax, truncated: false };
  for (let chunk = await wire.read(); chunk; chunk = await wire.read()) {
    for (const { kind, payload } of reader.push(chunk)) {
      if (kind === TERMINAL_FRAMES.exit) {
        const exit = ExitMessage.parse(JSON.parse(Buffer.from(payload).toString('utf8')));
        // Who hung up now would be taken for one that left in the middle.
        while (await wire.read());
        return { exitCode: exit.code, truncated: output.truncated || exit.truncated === true };
      }
      await take(context, output, kind, payload);
    }
  }
  return { exitCode: 1, truncated: output.truncated };
}

async function send({ wire }: ExecuteContext, script: Buffer): Promise<void> {
  for (const piece of framesOf(TERMINAL_FRAMES.input, script)) await wire.write(piece);
  await wire.write(frame(TERMINAL_FRAMES.inputEnd, Buffer.alloc(0)));
}

async function take(
  context: ExecuteContext,
  output: { room: number; truncated: boolean },
  kind: number,
  payload: Uint8Array,
): Promise<void> {
  if (kind !== TERMINAL_FRAMES.stdout && kind !== TERMINAL_FRAMES.stderr && kind !== TERMINAL_FRAMES.notice) return;
  const bytes = kind === TERMINAL_FRAMES.notice ? Buffer.concat([payload, NEWLINE]) : Buffer.from(payload);
  if (bytes.length > output.room) output.truncated = true;
  const kept = bytes.subarray(0, output.room);
  output.room -= kept.length;
  if (kept.length > 0) await context.write(kept);
}

const NEWLINE = Buffer.from('\n');
