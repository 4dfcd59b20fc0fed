/**
 * The two questions of whoever runs the process. Is it alive: shall it be started anew? Is it ready: shall it get work?
 *
 * Invariant: being alive never depends on the bus. Otherwise the loss of all NATS servers would have every node of the
 * fleet killed and started again, while each could serve and count for itself.
 */
export interface HealthCheck {
  readonly name: string;
  readonly isOk: boolean;
  /** For people. No address and no domain. */
  readonly detail: string;
}

export interface HealthSource {
  readonly live: readonly HealthCheck[];
  readonly ready: readonly HealthCheck[];
}

export function isHealthy(checks: readonly HealthCheck[]): boolean {
  return checks.every(({ isOk }) => isOk);
}

/** The body of an answer. */
export function healthText(checks: readonly HealthCheck[]): string {
  const status = isHealthy(checks) ? 'ok' : 'failing';
  const shown = checks.map(({ name, isOk, detail }) => ({ name, status: isOk ? 'ok' : 'failing', detail }));
  return `${JSON.stringify({ status, checks: shown })}\n`;
}
