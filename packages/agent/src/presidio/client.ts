import { TargetFault } from '@hoop/core/errors';
import { z } from 'zod';
import { ANSWER_BYTES_MAX, ENTITIES_MS_MAX, FAILURES_MAX, PAUSE_MS, REQUEST_MS_MAX, REQUESTS_MAX, WAITING_MAX } from './limits.ts';

/** What the server found in one text: places in characters. */
export interface Recognized {
  readonly entity_type: string;
  readonly start: number;
  readonly end: number;
  readonly score: number;
}

const Recognition: z.ZodType<Recognized> = z.object({
  entity_type: z.string(),
  start: z.number().int().nonnegative(),
  end: z.number().int().nonnegative(),
  score: z.number(),
});
const Answer = z.array(z.array(Recognition));
const Entities = z.array(z.string());

/** How patient one is with the server; tests have less patience. */
export interface Patience {
  readonly request_ms: number;
  readonly pause_ms: number;
}

const PATIENCE: Patience = { request_ms: REQUEST_MS_MAX, pause_ms: PAUSE_MS };

/** The language of the server's model that is asked. */
const LANGUAGE = 'en';

/**
 * Speaks to a Presidio analyzer over its REST interface (`/analyze` with a list of texts, `/supportedentities`), a bounded number of
 * requests at a time. A server that keeps failing is left alone for a while.
 */
export class PresidioClient {
  readonly #url: string;
  readonly #patience: Patience;
  #running = 0;
  readonly #waiting = new Set<() => void>();
  #failures = 0;
  /** On the clock of `performance`. */
  #pausedUntil = 0;
  #entities: { readonly known: Promise<ReadonlySet<string>>; readonly until: number } | undefined;

  constructor(url: string, patience: Patience = PATIENCE) {
    this.#url = url.replace(/\/+$/, '');
    this.#patience = patience;
  }

  /**
   * What is in each of the texts, in their order.
   * @throws TargetFault `detector_failed` that says what the server did; never any of the texts
   */
  async analyze(texts: readonly string[], entities: readonly string[], threshold: number, signal: AbortSignal): Promise<Recognized[][]> {
    await this.#mustKnow(entities, signal);
    const body = JSON.stringify({ text: texts, language: LANGUAGE, entities, score_threshold: threshold });
    const answer = Answer.safeParse(await this.#ask('/analyze', signal, body));
    if (answer.success && answer.data.length === texts.length) return answer.data;
    this.#failed();
    throw failed('its answer is not that of a Presidio analyzer that takes lists of texts');
  }

  /** An entity that it does not know would be found nowhere, without a word. */
  async #mustKnow(entities: readonly string[], signal: AbortSignal): Promise<void> {
    const now = performance.now();
    if (!this.#entities || this.#entities.until < now) this.#entities = { known: this.#askEntities(signal), until: now + ENTITIES_MS_MAX };
    const { known: asking } = this.#entities;
    const known = await asking.catch((error) => {
      this.#entities = undefined;
      throw error;
    });
    const unknown = entities.find((entity) => !known.has(entity));
    if (unknown !== undefined) throw failed(`it does not know the entity ${unknown}; correct the data masking rule, or the server`);
  }

  async #askEntities(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const answer = Entities.safeParse(await this.#ask(`/supportedentities?language=${LANGUAGE}`, signal));
    if (answer.success) return new Set(answer.data);
    this.#failed();
    throw failed('its answer is not that of a Presidio analyzer');
  }

  async #ask(path: string, signal: AbortSignal, body?: string): Promise<unknown> {
    await this.#turn(signal);
    try {
      if (performance.now() < this.#pausedUntil) throw failed('it failed several times in a row and is left alone for a while');
      const answer = await this.#send(path, signal, body);
      this.#failures = 0;
      return answer;
    } catch (thrown) {
      if (thrown instanceof TargetFault) throw thrown;
      this.#failed();
      throw failed(reasonOf(thrown), thrown);
    } finally {
      this.#leave();
    }
  }

  async #send(path: string, signal: AbortSignal, body: string | undefined): Promise<unknown> {
    const response = await fetch(`${this.#url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body }),
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(this.#patience.request_ms)]),
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`it answered ${response.status}`);
    }
    return JSON.parse(await textOf(response));
  }

  /** @throws TargetFault when too many wait already, or `signal` is aborted meanwhile */
  async #turn(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw failed('it was too slow');
    if (this.#running < REQUESTS_MAX) {
      this.#running++;
      return;
    }
    if (this.#waiting.size >= WAITING_MAX) throw failed('too many requests wait for it');
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUp = (): void => {
      this.#waiting.delete(resolve);
      reject(failed('it was too slow'));
    };
    this.#waiting.add(resolve);
    signal.addEventListener('abort', giveUp, { once: true });
    await promise;
    signal.removeEventListener('abort', giveUp);
  }

  /** Whoever waits for longest has the turn. */
  #leave(): void {
    const [next] = this.#waiting;
    if (!next) {
      this.#running--;
      return;
    }
    this.#waiting.delete(next);
    next();
  }

  #failed(): void {
    if (++this.#failures < FAILURES_MAX) return;
    this.#failures = 0;
    this.#pausedUntil = performance.now() + this.#patience.pause_ms;
  }
}

async function textOf(response: Response): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error('its answer is too long');
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks).toString('utf8');
}

function failed(why: string, cause?: unknown): TargetFault {
  return new TargetFault('detector_failed', `The Presidio server could not be asked: ${why}`, { cause });
}

/** Without what the server sent: an error of its may quote what it was asked. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it broke off';
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'it was too slow';
  if (error instanceof SyntaxError) return 'its answer is not JSON';
  const code = (error.cause as NodeJS.ErrnoException | undefined)?.code;
  return code ?? (error.message.startsWith('it') ? error.message : 'the connection broke');
}
