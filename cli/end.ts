/**
 * A command that is over leaves nothing that keeps its process alive. Should something do so all the same, the process ends
 * a while later, but not before all that it wrote was taken.
 *
 * @param waiting bytes that a reader hasn't taken yet
 * @param later calls an act a while later, if the process still lives then
 */
export function endSoon(waiting: () => number, exit: () => void, later: (act: () => void) => void): void {
  later(() => (waiting() > 0 ? endSoon(waiting, exit, later) : exit()));
}
