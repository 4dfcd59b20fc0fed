/** What `npm run demo:vip -- --help` says, and the shortest run that shows something. */

export const usage = `Three machines on this one, as network namespaces, and six addresses that float between them.
A client on a fourth machine connects to each address every 2 ms. Nodes are killed, frozen,
stopped and cut off, and come back; you see who answered when, and for how long nobody did.
Needs root.

  npm run demo:vip                 until Ctrl-C
  npm run demo:vip -- --for 60     for 60 seconds; exit code 1 if an address was not served
  npm run demo:vip -- --help       this text
`;

/** One fault, its end, and the pauses around them. */
export const minSeconds = 15;
