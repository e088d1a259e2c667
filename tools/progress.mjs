/**
 * Says on stderr what is being done, and how long it took. A step of less than half a second is not worth a line.
 * A terminal gets a spinner; a log gets a line now and then, so that nobody thinks it hangs.
 */
export async function step(what, work) {
  const since = Date.now();
  const seconds = () => ((Date.now() - since) / 1000).toFixed(1);
  const terminal = process.stderr.isTTY === true;
  const frames = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';
  let turn = 0;
  const tick = () => {
    if (terminal) process.stderr.write(`\r\x1b[K${frames[turn++ % frames.length]} ${what}  ${seconds()} s`);
    else process.stderr.write(`${what}: ${turn++ === 0 ? 'started' : `${seconds()} s`}\n`);
  };
  let every;
  const first = setTimeout(() => {
    tick();
    every = setInterval(tick, terminal ? 80 : 10_000);
  }, 500);
  try {
    const result = await work();
    if (Date.now() - since >= 500) process.stderr.write(`${terminal ? '\r\x1b[K' : ''}✔ ${what}  ${seconds()} s\n`);
    else if (terminal) process.stderr.write('\r\x1b[K');
    return result;
  } catch (error) {
    process.stderr.write(`${terminal ? '\r\x1b[K' : ''}✘ ${what}  ${seconds()} s\n`);
    throw error;
  } finally {
    clearTimeout(first);
    clearInterval(every);
  }
}
