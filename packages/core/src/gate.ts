import { type Action, ALLOW, type Approval, type Denial, type Hold, type LaterPart, type Outcome, type Verdict } from './action.ts';
import type { AnswerRules } from './answer.ts';
import { type Clock, systemClock } from './clock.ts';
import { asAppError, Bug } from './errors.ts';

/**
 * The one place where an action is judged and recorded, whatever entry point it came from.
 *
 *   to the target    ask(action):    a rules   b review hold   c audit.intent   d permit
 *   to the client    settle(permit): audit.settled, with what the client was shown
 *
 * Deciders are awaited and fail closed: one that throws is a denial.
 */
export interface Policy {
  /** Says whether an action may pass. Synchronous where it can be: an await on every action costs a third of the throughput. */
  judge(action: Action): Verdict | Promise<Verdict>;
  /** Changes with every change of the rules: a verdict on a prepared statement holds only for the revision it was given under. */
  readonly revision: number;
  /** Hides sensitive values in answers; undefined when nothing is to be hidden. */
  readonly mask: Mask | undefined;
  /** Whether a verdict may be to hold. */
  readonly mayHold?: boolean;
  /** True where no rule judges actions: whatever is asked is let through, and only recorded. Absent: it may be denied. */
  readonly allowsAll?: boolean;
  /**
   * Present where rules look at text: what those find in a piece of an action that goes on. Beside what they forbid, only what
   * is new in the piece counts.
   */
  judgeMore?(part: LaterPart): Verdict;
}

/** Hides sensitive values in one field of text. */
export interface Mask {
  /** A quick look at a run of bytes: false only when nothing in it can have to be hidden. */
  suspects(bytes: Buffer): boolean;
  /**
   * Returns the same buffer when nothing was found, else a new one.
   * Counts what it hid in `counts`, per entity. Throws only when the value may not be shown at all.
   */
  apply(text: Buffer, counts: MaskCounts): Buffer;
  /** The same for a value that stands alone, such as a cell: null when it is to be shown as no value at all. Without it: `apply`. */
  applyToValue?(value: Buffer, counts: MaskCounts): Buffer | null;
  /** `suspects`, of the value that stands in [from, to): closer, and without its being cut out. Without it: `suspects`. */
  suspectsIn?(bytes: Buffer, from: number, to: number): boolean;
  /**
   * `applyToValue` of the value that stands in [from, to), inside of `bytes` itself; says whether anything was hidden. Present where what
   * is shown always has the same length and is never no value. Throws as `apply` does.
   */
  hideIn?(bytes: Buffer, from: number, to: number, counts: MaskCounts): boolean;
  /** Whether what comes back always has as many bytes as what was given. Without it: yes. */
  readonly keepsLength?: boolean;
  /**
   * Present where somebody else has to be asked about texts before: `apply` knows of what was prepared, and hides the rest.
   * Never rejects. An adapter awaits it with the texts of a chunk before it applies the mask to them.
   */
  prepare?(texts: readonly Buffer[]): Promise<void>;
}

export type MaskCounts = Record<string, number>;

/** Where facts about actions go. It must keep the order in which they were given. */
export interface AuditSink {
  /** An action is about to go to the target, or was denied. Recorded before the action is sent. */
  intent(action: Action, verdict: Verdict): void;
  settled(action: Action, outcome: Outcome): void;
  /** What people said about an action whose intent was recorded as held. Recorded before the action is sent. */
  decided?(action: Action, approval: Approval): void;
  /** What a terminal inside of a session is about to show to the client. Absent where nobody keeps it. */
  shown?(action: Action, shown: Shown): void;
}

/** A piece of what a terminal showed, or of what passes through where everything is recorded. */
export interface Shown {
  /** `stdin`: from the client to the target. */
  readonly stream: 'stdout' | 'stderr' | 'stdin';
  /** As the client gets it: masked. */
  readonly bytes: Buffer;
  /** The terminal has this size from here on. */
  readonly size?: { readonly columns: number; readonly rows: number };
}

/** Where people are asked about actions that a rule holds back. */
export interface Approvals {
  /** Resolves with what they said. It has an end of its own: nobody's answer is a no. What it throws is a no, too. */
  request(action: Action, hold: Hold): Promise<Approval>;
}

/** Findings in the later pieces of one action that are recorded each. */
const FINDINGS_MAX = 100;

declare const minted: unique symbol;

/** Proof that an action was judged and recorded. Only `Gate.ask` mints it, so an unjudged statement does not compile. */
export interface Permit {
  readonly [minted]: true;
  readonly action: Action;
  /** When it was given, in microseconds of the gate's clock. */
  readonly since_us: number;
  /** What must become of the answer; the adapter sees to it. */
  readonly answer?: AnswerRules;
  /** What a rule has to say about an action that it lets pass, for a client that has nowhere to hear of it but in its answer. */
  readonly notice?: string;
}

export type Decision = { readonly permit: Permit; readonly denial?: undefined } | { readonly permit?: undefined; readonly denial: Denial };

export class Gate {
  #policy: Policy;
  readonly #audit: AuditSink;
  readonly #clock: Clock;
  readonly #approvals: Approvals | undefined;
  #seq = 0;
  /** Rules whose finding in a later piece of an action is on record already. */
  readonly #found = new WeakMap<Permit, Set<string>>();

  /** @param approvals where nobody can be asked, what is held is denied */
  constructor(policy: Policy, audit: AuditSink, clock: Clock = systemClock, approvals?: Approvals) {
    this.#policy = policy;
    this.#audit = audit;
    this.#clock = clock;
    this.#approvals = approvals;
  }

  /** The rules changed: what is asked from now on is judged by the new ones, in sessions that are open too. */
  replacePolicy(policy: Policy): void {
    this.#policy = policy;
  }

  get mask(): Mask | undefined {
    return this.#policy.mask;
  }

  /** Whether something may have to be approved: only then is what an action has beside its text worth keeping. */
  get mayHold(): boolean {
    return this.#policy.mayHold === true;
  }

  /** Whether whatever is asked now is let through: then nothing has to wait for a verdict. */
  get allowsAll(): boolean {
    return this.#policy.allowsAll === true;
  }

  /**
   * Judges and records one action; one that a rule holds is decided when people have answered. Never throws, never rejects:
   * a decider that fails is a denial.
   * @param beside see `Action.beside`
   */
  ask(via: string, text: string, beside?: Action['beside']): Decision | Promise<Decision> {
    const action: Action = beside ? { seq: ++this.#seq, text, via, beside } : { seq: ++this.#seq, text, via };
    const verdict = this.#judge(action);
    return verdict instanceof Promise ? verdict.then((settled) => this.#decide(action, settled)) : this.#decide(action, verdict);
  }

  /**
   * Judges text that is only prepared now and runs later, when `ask` judges it again under the rules of that time.
   * A denial is recorded; an approval is not, because nothing ran. What needs people's approval is held when it runs. Never throws.
   */
  check(via: string, text: string): Denial | undefined | Promise<Denial | undefined> {
    const action: Action = { seq: 0, text, via };
    const denied = (verdict: Verdict): Denial | undefined => {
      if (verdict.allow !== false) return undefined;
      this.#audit.intent({ ...action, seq: ++this.#seq }, verdict);
      return verdict.denial;
    };
    const verdict = this.#judge(action);
    return verdict instanceof Promise ? verdict.then(denied) : denied(verdict);
  }

  /**
   * Judges what a session begins with, before there is anything that could wait: nobody can be asked about it, so what needs people's
   * approval is denied. A denial is recorded. Never throws.
   */
  async checkStart(text: string): Promise<Denial | undefined> {
    const action: Action = { seq: 0, text, via: 'start' };
    const verdict = await this.#judge(action);
    if (verdict.allow === true) return undefined;
    const denial = verdict.allow === 'hold' ? { rule: verdict.hold.rule, message: verdict.hold.message } : verdict.denial;
    this.#audit.intent({ ...action, seq: ++this.#seq }, { allow: false, denial });
    return denial;
  }

  /** Whether a rule looks at text: only then is what an action goes on with worth reading. */
  get judgesMore(): boolean {
    return this.#policy.judgeMore !== undefined;
  }

  /**
   * Judges a piece of what a permitted action goes on with, before it is sent. What would need people's approval is denied, because
   * they said yes to what they could see. A denial is recorded, and what else a rule finds, the first time. Never throws.
   */
  judgeMore(permit: Permit, part: LaterPart): Denial | undefined {
    const verdict = this.#judgeMore(part);
    if (verdict.allow === true && !verdict.matched) return undefined;
    const told = verdict.allow === 'hold' ? unseen(verdict.hold) : verdict;
    if (told.allow === true && this.#isFound(permit, verdict)) return undefined;
    const action: Action = { seq: ++this.#seq, text: `${part.head}${part.before}${part.text}`, via: part.via };
    this.#audit.intent(action, told);
    if (told.allow === false) return told.denial;
    this.#audit.settled(action, { rows: 0, bytes: 0, duration_us: 0 });
    return undefined;
  }

  /** Says how a permitted action ended. Called once a permit, before the last bytes of the answer go to the client. */
  settle(permit: Permit, outcome: Omit<Outcome, 'duration_us'>): void {
    const duration_us = Math.round(this.#clock.micros() - permit.since_us);
    this.#audit.settled(permit.action, { ...outcome, duration_us });
  }

  /** Records what a terminal that this action started is about to show; called before the client has it. */
  show(permit: Permit, shown: Shown): void {
    this.#audit.shown?.(permit.action, shown);
  }

  #judge(action: Action): Verdict | Promise<Verdict> {
    try {
      const verdict = this.#policy.judge(action);
      return verdict instanceof Promise ? verdict.catch(failedClosed) : verdict;
    } catch (error) {
      return failedClosed(error);
    }
  }

  #judgeMore(part: LaterPart): Verdict {
    try {
      return this.#policy.judgeMore?.(part) ?? ALLOW;
    } catch (error) {
      return failedClosed(error);
    }
  }

  /** Whether this finding is on record; from now on it is. */
  #isFound(permit: Permit, verdict: Verdict): boolean {
    const rule = verdict.allow === true ? verdict.matched?.message : undefined;
    const found = this.#found.get(permit) ?? new Set<string>();
    if (rule === undefined || found.has(rule) || found.size >= FINDINGS_MAX) return true;
    this.#found.set(permit, found.add(rule));
    return false;
  }

  #decide(action: Action, verdict: Verdict): Decision | Promise<Decision> {
    this.#audit.intent(action, verdict);
    if (verdict.allow === 'hold') return this.#hold(action, verdict.hold, verdict.answer);
    return verdict.allow ? this.#permit(action, verdict.answer, verdict.notice) : { denial: verdict.denial };
  }

  #permit(action: Action, answer: AnswerRules | undefined, notice?: string): Decision {
    const since_us = this.#clock.micros();
    if (!answer && notice === undefined) return { permit: { action, since_us } as Permit };
    return { permit: { action, since_us, ...(answer ? { answer } : {}), ...(notice === undefined ? {} : { notice }) } as Permit };
  }

  async #hold(action: Action, hold: Hold, answer: AnswerRules | undefined): Promise<Decision> {
    const policy = this.#policy;
    let approval = await this.#approval(action, hold);
    // People said yes to what the rules said then. Rules of now may forbid it altogether, and nobody may overrule those.
    const verdict = approval.approved && policy !== this.#policy ? await this.#judge(action) : undefined;
    if (verdict?.allow === false) approval = { approved: false, reason: verdict.denial.message };
    this.#audit.decided?.(action, approval);
    if (approval.approved) return this.#permit(action, verdict?.allow ? verdict.answer : answer);
    return { denial: { rule: hold.rule, message: notApproved(approval) } };
  }

  async #approval(action: Action, hold: Hold): Promise<Approval> {
    if (!this.#approvals) return { approved: false, reason: 'nobody can be asked for approval here; tell your administrator' };
    try {
      return await this.#approvals.request(action, hold);
    } catch (error) {
      const fault = asAppError(error);
      return { approved: false, reason: fault instanceof Bug ? 'the request for approval failed; try again' : fault.message };
    }
  }
}

function notApproved(approval: Exclude<Approval, { approved: true }>): string {
  const { by, reason } = approval;
  if (by === undefined) return `Not approved: ${reason}`;
  return reason === '' ? `Rejected by ${by}` : `Rejected by ${by}: ${reason}`;
}

/** What needs approval where nobody could be shown it. */
function unseen({ rule, message }: Hold): Verdict & { readonly allow: false } {
  const why = 'It stands too far back for anybody to be shown it before approving; send less at a time';
  return { allow: false, denial: { rule, message: `${message}. ${why}` } };
}

function failedClosed(error: unknown): Verdict {
  const fault = asAppError(error);
  const why = fault instanceof Bug ? 'the policy engine failed' : fault.message;
  return {
    allow: false,
    denial: { rule: 'fail-closed', message: `Refused because ${why}. Try again, and tell your administrator if it happens again` },
  };
}
