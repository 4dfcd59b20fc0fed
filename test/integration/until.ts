/** A condition did not come about; the message has it. */
export class NotInTime extends Error {}

/** Waits for a condition, never for a time: the limit only turns a hang into a failure that names its condition. */
export async function until(condition: () => boolean | Promise<boolean>, limitMs = 20_000): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new NotInTime(`not true within ${limitMs} ms: ${condition}`);
    await new Promise((resume) => setTimeout(resume, 5));
  }
}
