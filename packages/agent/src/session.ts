import { FailMessage, FRAME_KINDS, OpenMessage, type PolicyMessage, type ReviewAnswer } from '@hoop/contract/tunnel';
import type { AnswerAbility } from '@hoop/core/answer';
import type { CatalogueSource } from '@hoop/core/catalogue';
import { systemClock } from '@hoop/core/clock';
import { type AppError, asAppError, fromPlain, Misconfigured, Refusal, TargetFault, toPlain } from '@hoop/core/errors';
import { Gate, type Policy } from '@hoop/core/gate';
import type { Log } from '@hoop/core/log';
import type { ConnectContext, Dialect, Protocol, Relay, SessionFacts, Target, TargetMemory } from '@hoop/core/protocol';
import { type CompiledPolicy, compilePolicy } from '@hoop/policy/rules';
import { parseMessage } from '@hoop/tunnel/control';
import type { FrameStream, StreamHandler } from '@hoop/tunnel/stream';
import { GatewayApprovals, holdingAll } from './approvals.ts';
import { type Catalogues, placeOf } from './catalogues.ts';
import type { Detection } from './detection.ts';
import type { EventJournal } from './event-journal.ts';
import { type OwnConnection, ownSettings } from './own-connection.ts';
import type { ResolvedTarget, TargetSecrets } from './secrets/target-secrets.ts';
import { type IntentClock, StreamAudit } from './stream-audit.ts';

export interface SessionDeps {
  readonly log: Log;
  readonly intents: IntentClock;
  readonly journal: EventJournal;
  readonly memory: TargetMemory;
  readonly secrets: TargetSecrets;
  readonly detection: Detection;
  readonly catalogues: Catalogues;
  /** Where the agent runs beside an application: the connection that it offers by itself. */
  readonly own?: OwnConnection | undefined;
  protocolNamed(name: string): Protocol | undefined;
  onOpen(session: string, runner: AgentSession): void;
  onOver(session: string | undefined, runner: AgentSession): void;
}

/** One client connection in the agent: from the gateway's open message to the end of either side. */
export class AgentSession implements StreamHandler {
  readonly #stream: FrameStream;
  readonly #deps: SessionDeps;
  readonly #audit: StreamAudit;
  #id: string | undefined;
  #gate: Gate | undefined;
  #approvals: GatewayApprovals | undefined;
  /** Why every action is held; undefined: only rules hold. */
  #holdAll: string | undefined;
  #dialect: Dialect | undefined;
  #groups: readonly string[] | undefined;
  /** What the protocol keeps of rules about answers. */
  #answers: readonly AnswerAbility[] = [];
  /** Who tells what is at the target, once it is reached. */
  #catalogue: CatalogueSource | undefined;
  #place: string | undefined;
  #asksTarget = false;
  #target: Target | undefined;
  #relay: Relay | undefined;
  #resolved: ResolvedTarget | undefined;
  #cancelling: Promise<void> | undefined;
  #over = false;
  #heard_ms = performance.now();
  /** Words that came before there was anybody to say them. */
  readonly #untold: string[] = [];
  /** Only where the protocol lets one side end before the other: which did. */
  #clientEnded = false;
  #targetEnded = false;

  constructor(stream: FrameStream, deps: SessionDeps) {
    this.#stream = stream;
    this.#deps = deps;
    this.#audit = new StreamAudit(
      (event) => {
        if (this.#id !== undefined) deps.journal.add(this.#id, event);
        void stream.send(FRAME_KINDS.event, event);
      },
      deps.intents,
      (text) => this.#tell(text),
    );
  }

  start(): void {
    this.#stream.receive(this);
  }

  /** Whether nothing runs for the client, nothing waits for people, and it has said nothing for so long. */
  isIdle(quiet_ms: number): boolean {
    const { busy } = this.#relay ?? { busy: true };
    return !busy && this.#approvals?.waiting !== true && performance.now() - this.#heard_ms >= quiet_ms;
  }

  data(bytes: Buffer): void | Promise<void> {
    if (this.#over) return undefined;
    this.#heard_ms = performance.now();
    // A cancel must not hit the statement after the one that it was meant for.
    if (this.#cancelling) return this.#cancelling.then(() => this.data(bytes));
    try {
      return this.#relay?.fromClient(bytes)?.catch((error) => this.#finish(asAppError(error)));
    } catch (error) {
      this.#finish(asAppError(error));
    }
  }

  /** Frames behind the open message wait until the target is ready. */
  message(kind: number, payload: Buffer): void | Promise<void> {
    if (kind === FRAME_KINDS.open && !this.#gate) return this.#open(payload);
    if (kind === FRAME_KINDS.fail) this.#finish(fromPlain(parseMessage(FailMessage, payload)));
  }

  ended(): void {
    this.#clientEnded = true;
    if (!this.#target || this.#targetEnded) this.#finish(undefined);
    else this.#target.wire.end();
  }

  broken(error: AppError): void {
    this.#finish(error);
  }

  /** Passed on only while something runs; what waits for approval instead is not wanted any more. */
  cancel(): void {
    if (this.#relay?.busy === false) this.#approvals?.withdraw();
    if (!this.#relay?.busy || this.#cancelling || !this.#target) return;
    this.#cancelling = this.#cancelTarget().then(() => {
      this.#cancelling = undefined;
    });
  }

  changePolicy(policy: PolicyMessage): void {
    try {
      this.#gate?.replacePolicy(this.#compile(policy));
      void this.#judgeStart();
    } catch (error) {
      // Rules that cannot be kept are no reason to go on under the old ones.
      this.#finish(asAppError(error));
    }
  }

  /** What became of something that waits for approval. */
  answerReview(answer: ReviewAnswer): void {
    this.#approvals?.answer(answer);
  }

  /** Ends the session with words for its client. */
  end(reason: AppError): void {
    this.#finish(reason);
  }

  async #open(payload: Buffer): Promise<void> {
    try {
      const open = parseMessage(OpenMessage, payload);
      this.#id = open.session;
      this.#deps.onOpen(open.session, this);
      const protocol = this.#deps.protocolNamed(open.protocol);
      if (!protocol) throw new Misconfigured('unsupported', `This agent does not speak ${open.protocol}; install a newer one`);
      this.#dialect = protocol.dialect;
      this.#answers = protocol.abilities.answers;
      this.#groups = open.user.groups;
      this.#holdAll = open.hold_all;
      if (open.recordings === true) this.#audit.recordTo((piece) => void this.#stream.send(FRAME_KINDS.shown, piece));
      this.#approvals = this.#newApprovals(open.reviews === true);
      const { catalogues } = this.#deps;
      const audit = protocol.catalogue ? catalogues.watching(this.#audit, () => this.#place) : this.#audit;
      this.#asksTarget = protocol.catalogue !== undefined;
      const policy = this.#compile(open.policy);
      const gate = new Gate(policy, audit, systemClock, this.#approvals);
      this.#gate = gate;
      const target = await this.#connect(protocol, open);
      if (!target) return;
      this.#target = target;
      await this.#judgeStart();
      if (this.#over) return;
      // Before anybody waits for it.
      if (policy.needs.includes('hides')) void this.#catalogue?.current();
      this.#begin(target, gate, protocol.halfClose === true);
    } catch (error) {
      this.#finish(asAppError(error));
    }
  }

  /** How the session began cannot be undone: under rules that it breaks there is no session. */
  async #judgeStart(): Promise<void> {
    for (const text of this.#target?.started ?? []) {
      const denial = await this.#gate?.checkStart(text);
      if (denial) this.#finish(new Refusal('forbidden', `${denial.message}. The session begins with ${text}; connect without it`));
    }
  }

  /** @throws Refusal `invalid_rule` */
  #compile(message: PolicyMessage): Pick<CompiledPolicy, 'needs'> & Policy {
    const { detection } = this.#deps;
    const context = {
      groups: this.#groups,
      remote: detection.remoteOf(message),
      ...(this.#asksTarget ? { catalogue: { current: () => this.#catalogue?.current() } } : {}),
    };
    const policy = compilePolicy({ ...message, mode: detection.modeOf(message) }, this.#dialect, context);
    const missing = policy.needs.find((each) => !this.#answers.includes(each));
    if (missing !== undefined) {
      const why = `This agent cannot keep the rules about answers of this connection (${missing}); install a newer one`;
      throw new Refusal('invalid_rule', why);
    }
    return this.#holdAll === undefined ? policy : { ...holdingAll(policy, this.#holdAll), needs: policy.needs };
  }

  #newApprovals(canAsk: boolean): GatewayApprovals {
    return new GatewayApprovals({
      canAsk,
      send: (message) => void this.#stream.send(FRAME_KINDS.review, Buffer.from(JSON.stringify(message))),
      notice: (text) => this.#tell(text),
    });
  }

  /** Words for the client that end nothing, where its protocol has such. */
  #tell(text: string): void {
    // What starts with the session is judged before there is a relay.
    if (!this.#relay && this.#untold.length < UNTOLD_MAX) this.#untold.push(text);
    const words = this.#over ? undefined : this.#relay?.notice?.(text);
    if (words) void this.#stream.send(FRAME_KINDS.data, words);
  }

  /** Undefined when the session has ended meanwhile. */
  async #connect(protocol: Protocol, open: OpenMessage): Promise<Target | undefined> {
    const resolved = await this.#deps.secrets.resolve(open);
    this.#resolved = resolved;
    try {
      if (this.#over) return undefined;
      const { own } = this.#deps;
      const typed = (settings: Readonly<Record<string, string>>): unknown =>
        settingsOf(protocol, ownSettings(own, open, settings), open.connection);
      const { current } = resolved;
      const context: ConnectContext<unknown> = {
        settings: typed(resolved.settings),
        ...(current ? { current: async () => typed(await current()) } : {}),
        hello: open.hello,
        log: this.#deps.log,
        session: factsOf(open, own),
        memory: this.#deps.memory,
      };
      this.#catalogue = this.#catalogueOf(protocol, resolved.settings, context);
      const target = await protocol.connect(context);
      if (!this.#over) return target;
      target.wire.destroy();
      return undefined;
    } catch (error) {
      resolved.doubt();
      throw error;
    } finally {
      if (this.#over) resolved.release();
    }
  }

  #catalogueOf(
    protocol: Protocol,
    settings: Readonly<Record<string, string>>,
    context: ConnectContext<unknown>,
  ): CatalogueSource | undefined {
    const { catalogue } = protocol;
    if (!catalogue) return undefined;
    this.#place = placeOf(protocol.name, settings);
    const { database } = context.hello;
    const read = async () => catalogue(context.current ? { ...context, settings: await context.current() } : context);
    return this.#deps.catalogues.of({ protocol: protocol.name, settings, database, read });
  }

  #begin(target: Target, gate: Gate, halfClose: boolean): void {
    const relay = target.relay({
      gate,
      toTarget: (bytes) => target.wire.write(bytes),
      toClient: (bytes) => {
        this.#audit.flush();
        const sent = this.#stream.send(FRAME_KINDS.data, bytes);
        if (relay.atBoundary === false) void this.#stream.send(FRAME_KINDS.partial, NOTHING);
        return sent;
      },
    });
    this.#relay = relay;
    void this.#stream.send(FRAME_KINDS.ready, NOTHING);
    void this.#stream.send(FRAME_KINDS.data, target.greeting);
    for (const text of this.#untold.splice(0)) this.#tell(text);
    target.wire
      .pump((chunk) => relay.fromTarget(chunk))
      .then(
        () => {
          if (halfClose && !this.#clientEnded) this.#sayTargetEnded();
          else this.#finish(this.#whyEnded(relay));
        },
        (error) => this.#finish(targetEnded(error)),
      );
  }

  /** A client that has left, and has its answers, has ended the session, whatever the target says of it: MySQL complains about a read. */
  #whyEnded({ busy, lastWord }: Relay): AppError | undefined {
    if (this.#clientEnded) return busy ? lastWord : undefined;
    return lastWord ?? (busy ? new TargetFault('target_closed', 'The target closed the connection') : undefined);
  }

  /** A frame and not the end of the stream: what is recorded at the session's end still has to travel on it. */
  #sayTargetEnded(): void {
    this.#targetEnded = true;
    void this.#stream.send(FRAME_KINDS.eof, NOTHING);
  }

  /** Once. With an error the client hears it in the protocol's words, where it still can. */
  #finish(error: AppError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    // What is ended on purpose must not go on where nobody watches it: a server does not look for its client while it works.
    const mustStop = error?.kind === 'refusal' && this.#relay?.busy === true;
    this.#approvals?.close();
    const words = this.#relay?.end(error);
    this.#audit.flush();
    if (words && words.length > 0) void this.#stream.send(FRAME_KINDS.data, words);
    if (error) {
      this.#deps.log.info({ session: this.#id, code: error.code }, 'Session ended');
      void this.#stream.send(FRAME_KINDS.fail, Buffer.from(JSON.stringify(toPlain(error))));
    }
    this.#stream.end();
    this.#target?.wire.destroy();
    const stopped = mustStop ? this.#cancelTarget() : undefined;
    const released = this.#target?.released?.();
    if (stopped || released) void Promise.all([stopped, released]).then(() => this.#leave());
    else this.#leave();
  }

  #leave(): void {
    // Not before: the cancel may have needed a file.
    this.#resolved?.release();
    this.#deps.onOver(this.#id, this);
  }

  async #cancelTarget(): Promise<void> {
    try {
      await this.#target?.cancel();
    } catch (error) {
      this.#deps.log.warn({ session: this.#id, err: asAppError(error) }, 'A cancel did not reach the target');
    }
  }
}

const NOTHING = Buffer.alloc(0);

/** More notices before a session has begun are not told; the record has them. */
const UNTOLD_MAX = 10;

function factsOf(open: OpenMessage, own: OwnConnection | undefined): SessionFacts {
  const { session: id, connection, type, subtype, verb, origin, user, command } = open;
  const facts = { id, connection, type, subtype, verb, origin, user, command };
  if (!own) return facts;
  return { ...facts, cwd: own.cwd, ...(connection === own.name ? { command: own.command } : {}) };
}

function settingsOf(protocol: Protocol, settings: Readonly<Record<string, string>>, connection: string): unknown {
  const parsed = protocol.settings.safeParse(settings);
  if (parsed.success) return parsed.data;
  const why = parsed.error.issues.map((issue) => issue.message).join('; ');
  throw new Misconfigured('connection_settings', `The connection ${connection} is not set up completely: ${why}`);
}

/** A socket that breaks is the target's fault; what our own code threw stays what it is. */
function targetEnded(error: unknown): AppError {
  const fault = asAppError(error);
  const isSocket = error instanceof Error && 'syscall' in error;
  return isSocket ? new TargetFault('target_closed', 'The connection to the target broke', { cause: error }) : fault;
}
