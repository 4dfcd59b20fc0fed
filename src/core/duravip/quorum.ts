/** Whether a component has nodes enough to own addresses (`quorum`, EXT-1), and what it lacks. */
export interface QuorumLack {
  /** Nodes, each name once. */
  readonly present: number;
  readonly needed: number;
}

/** Undefined: there are enough. Without a quorum configured one is enough. */
export function quorumLack(nodes: ReadonlySet<string>, needed = 1): QuorumLack | undefined {
  return nodes.size < needed ? { present: nodes.size, needed } : undefined;
}
