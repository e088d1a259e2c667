import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditEvent } from '@hoop/contract/audit';
import { encodeTerminalFrame, TERMINAL_FRAMES } from '@hoop/contract/terminal';
import { protocolNamed } from '@hoop/protocols/all';
import { SESSION_RECORDS_BYTES_MAX } from '../limits.ts';
import { type RecordPage, readRecords, readTerminals } from './session-records.ts';

const transcript = () => protocolNamed('terminal')?.transcript?.();

async function read(events: readonly AuditEvent[], after = 0, outputAfter?: number): Promise<RecordPage> {
  const audit = {
    async *actionsOf() {
      for (const event of events) yield { at_ms: 0, event };
    },
  };
  return readRecords(audit, 's', { after, outputAfter, transcript: transcript() });
}

/** Output as records of so many bytes, cut without regard to frames. */
function recorded(bytes: Buffer, each: number): AuditEvent[] {
  const events: AuditEvent[] = [];
  for (let at = 0; at < bytes.length; at += each) {
    const piece = bytes.subarray(at, at + each);
    events.push({ type: 'output', bytes: piece.length, data: piece.toString('base64') });
  }
  return events;
}

const frame = (kind: 16 | 17 | 18 | 19, text: string): Buffer => Buffer.from(encodeTerminalFrame(kind, Buffer.from(text)));

const shown = (page: RecordPage): string[] =>
  page.events.flatMap(({ event }) => (event.type === 'output' ? [`${event.stream} ${Buffer.from(event.data, 'base64')}`] : []));

test('a transcript is shown as what was seen, wherever its frames were cut', async () => {
  const bytes = Buffer.concat([frame(16, 'out'), frame(17, 'err'), frame(19, 'words'), frame(18, '{"code":0}')]);
  for (let each = 1; each <= bytes.length; each++) {
    assert.deepEqual(shown(await read(recorded(bytes, each))), ['stdout out', 'stderr err', 'notice words'], `in pieces of ${each}`);
  }
});

test('a transcript that is damaged is shown as it is, and hides nothing behind it', async () => {
  const bytes = Buffer.concat([frame(16, 'out'), Buffer.from([16, 0xff, 0xff, 0xff, 0xff]), Buffer.from('rest')]);
  const text = shown(await read(recorded(bytes, 8))).map((each) => each.slice('stdout '.length));
  assert.match(text.join(''), /^out.*rest$/s);
});

test('pages are bounded, and together they are the whole', async () => {
  const pieces = Array.from({ length: 60 }, (_, at) => frame(TERMINAL_FRAMES.stdout, String.fromCharCode(65 + at).repeat(500_000)));
  const output = recorded(Buffer.concat(pieces), 400_000);
  const action = (seq: number): AuditEvent => ({ type: 'action', seq, via: 'line', text: `line ${seq}`, verdict: 'allow' });
  const events = [action(1), ...output.slice(0, 40), action(2), ...output.slice(40), action(3)];
  let all = '';
  const actions: number[] = [];
  let pages = 0;
  for (let next: { after: number; outputAfter: number } | undefined = { after: 0, outputAfter: 0 }; next; pages++) {
    const page: RecordPage = await read(events, next.after, next.outputAfter);
    const size = shown(page).reduce((sum, each) => sum + each.length, 0);
    assert.ok(size <= SESSION_RECORDS_BYTES_MAX + 1_000_000, `a page of ${size} bytes`);
    all += shown(page)
      .map((each) => each.slice('stdout '.length))
      .join('');
    actions.push(...page.actions.map(({ seq }) => seq));
    next = page.nextAfter === undefined ? undefined : { after: page.nextAfter, outputAfter: page.nextOutputAfter };
  }
  assert.ok(pages >= 4);
  assert.deepEqual(actions, [1, 2, 3]);
  assert.equal(all, Array.from({ length: 60 }, (_, at) => String.fromCharCode(65 + at).repeat(500_000)).join(''));
});

test('a page after an action begins with what was shown after it', async () => {
  const action = (seq: number): AuditEvent => ({ type: 'action', seq, via: 'line', text: `line ${seq}`, verdict: 'allow' });
  const events = [action(1), ...recorded(frame(16, 'first'), 100), action(2), ...recorded(frame(16, 'second'), 100)];
  assert.deepEqual(shown(await read(events, 2)), ['stdout second']);
});

test('what was told piece by piece is shown as it was told', async () => {
  const data = Buffer.from('\x10\xff\xff\xff\xff').toString('base64');
  const event: AuditEvent = { type: 'output', bytes: 5, data, stream: 'stderr', seq: 4, size: { columns: 80, rows: 24 } };
  const { events } = await read([{ type: 'action', seq: 4, via: 'shell', text: 'shell', verdict: 'allow' }, event]);
  assert.deepEqual(events[1]?.event, event);
});

/** Two terminals at once, and what was said to a third, as records of every version have them. */
const SEVERAL: readonly AuditEvent[] = (() => {
  const action = (seq: number, via: string, text: string): AuditEvent => ({ type: 'action', seq, via, text, verdict: 'allow' });
  const piece = (seq: number, text: string, columns?: number): AuditEvent => ({
    type: 'output',
    bytes: text.length,
    data: Buffer.from(text).toString('base64'),
    stream: 'stdout',
    seq,
    ...(columns === undefined ? {} : { size: { columns, rows: 24 } }),
  });
  const sent: AuditEvent = { type: 'output', bytes: 2, data: '', stream: 'stdin', seq: 9 };
  const [first, second] = [action(1, 'shell', 'shell'), action(2, 'exec', 'top')];
  return [
    first,
    piece(1, '', 80),
    second,
    piece(2, '', 132),
    piece(2, 'two '),
    piece(1, 'one '),
    piece(1, 'uno', 90),
    sent,
    piece(2, 'due'),
  ];
})();

const reader = (events: readonly AuditEvent[]) => ({
  async *actionsOf() {
    for (const event of events) yield { at_ms: 0, event };
  },
});

test('the terminals of a session are told apart by what began them', async () => {
  const time = new Date(0).toISOString();
  assert.deepEqual(await readTerminals(reader(SEVERAL), 's'), [
    { seq: 1, time, text: 'shell', bytes: 7, size: { columns: 80, rows: 24 } },
    { seq: 2, time, text: 'top', bytes: 7, size: { columns: 132, rows: 24 } },
  ]);
});

test('of several terminals one is shown alone, with its own sizes, page by page too', async () => {
  for (const [terminal, all, columns] of [
    [1, 'one uno', [80, 90]],
    [2, 'two due', [132]],
  ] as const) {
    const { events } = await readRecords(reader(SEVERAL), 's', { after: 0, outputAfter: undefined, transcript: transcript(), terminal });
    const outputs = events.flatMap(({ event }) => (event.type === 'output' ? [event] : []));
    assert.equal(outputs.map(({ data }) => Buffer.from(data, 'base64').toString()).join(''), all);
    assert.deepEqual(
      outputs.flatMap(({ size }) => (size ? [size.columns] : [])),
      columns,
    );
  }
  const late = await readRecords(reader(SEVERAL), 's', { after: 0, outputAfter: 8, transcript: transcript(), terminal: 1 });
  assert.deepEqual(
    late.events.flatMap(({ event }) => (event.type === 'output' ? [Buffer.from(event.data, 'base64').toString()] : [])),
    ['uno'],
    'places in the transcript count what is left out, too',
  );
});
