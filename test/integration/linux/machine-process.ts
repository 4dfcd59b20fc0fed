/**
 * A process on one machine of a test network: opens a `LinuxKernel` on demand, and looks at other machines from
 * outside. Reads requests as lines of JSON, answers in the same form; see machine.ts for the other end.
 */
import { connect, createServer, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { createInterface } from 'node:readline';
import type { KernelChange } from '../../../src/actors/kernel-port.ts';
import { arpAnnouncement, arpClaimFilter, arpEtherType } from '../../../src/net/linux/arp-frame.ts';
import { isIpv6, macBytes } from '../../../src/net/linux/ip-bytes.ts';
import { LinuxKernel } from '../../../src/net/linux/kernel.ts';
import { libcCalls } from '../../../src/net/linux/libc.ts';
import {
  ipv6EtherType,
  neighbourAdvertisement,
  neighbourClaimFilter,
} from '../../../src/net/linux/ndp-frame.ts';
import { PacketSocket } from '../../../src/net/linux/packet-socket.ts';
import { systemClock } from '../../../src/node/system-clock.ts';
import { AnswerLog } from './answer-log.ts';

const logged: string[] = [];
const note = (text: string) => void logged.push(text);
const log = { debug: note, info: note, notice: note, warning: note, error: note, critical: note };

let kernel: LinuxKernel | undefined;
let answers: AnswerLog | undefined;
let refreshing: NodeJS.Timeout | undefined;
const changes: KernelChange[] = [];
const held: Socket[] = [];
let echoed = '';
let received = '';

interface OpenRequest {
  readonly nodeName: string;
  readonly stateFolder: string;
  readonly held?: 'nftables' | 'valid_lft';
}

/** Each takes the arguments of the request; what it gives is the answer. */
const calls = {
  async open(options: OpenRequest) {
    kernel = await LinuxKernel.open({ ...options, interfaces: ['eth0'], clock: systemClock, log });
    kernel.watch((change) => changes.push(change));
    return { held: kernel.lease.held, guardianPid: kernel.guardianPid };
  },
  guardian: () => ({ guardianPid: kernel!.guardianPid }),
  kernel: (method: string, ...words: unknown[]) => invoke(kernel, method, words),
  /** Asks who has an address, and is kept from the processor until long after it stops waiting for the answer. */
  probeWhileStalled(ip: string, interfaceName: string) {
    const probe = kernel!.probe(ip, interfaceName, 20);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    return probe;
  },
  /** As a process does that was stopped behind its last look at the lease. */
  announceUnchecked(ip: string, interfaceName: string) {
    const mac = macBytes(networkInterfaces()[interfaceName]![0]!.mac)!;
    const socket = isIpv6(ip)
      ? new PacketSocket(ipv6EtherType, neighbourClaimFilter)
      : new PacketSocket(arpEtherType, arpClaimFilter);
    const frame = isIpv6(ip) ? neighbourAdvertisement(ip, mac) : arpAnnouncement(ip, mac, 'request');
    socket.send(libcCalls.interfaceIndex(interfaceName), frame);
    socket.close();
  },
  lease: (method: string, ...words: unknown[]) => invoke(kernel?.lease, method, words),
  /** As the lease keeper does at each beat. */
  refreshEvery(everyMs: number, durationMs: number) {
    const next = () => void kernel!.lease.refresh(durationMs);
    refreshing = setInterval(next, everyMs);
  },
  stopRefreshing: () => clearInterval(refreshing),
  changes: () => changes,
  logged: () => logged,
  /** Asks an address all the time, until `answersUntilNow` tells what it said. */
  ask(ip: string) {
    answers = new AnswerLog(ip);
  },
  answersUntilNow: () => answers!.report(),
  stopAsking: () => answers!.stop(),
  answersOnce: (ip: string) => AnswerLog.once(ip),
  /** An echo service on all addresses. */
  serve: (port: number) =>
    new Promise<void>((resolve) => {
      createServer((socket) => {
        socket.on('error', () => undefined);
        socket.on('data', (text) => {
          received += text;
        });
        socket.pipe(socket);
      }).listen(port, '::', resolve);
    }),
  connect: (ip: string, port: number) =>
    new Promise<void>((resolve, reject) => {
      const socket = connect({ host: ip, port }, resolve);
      socket.on('error', reject);
      socket.on('data', (text) => {
        echoed += text;
      });
      held.push(socket);
    }),
  say: (text: string) => void held.at(-1)!.write(text),
  echoed: () => echoed,
  received: () => received,
};

function invoke(on: object | undefined, method: string, words: unknown[]): unknown {
  return (on as unknown as Record<string, (...words: unknown[]) => unknown>)[method]!(...words);
}

createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const { id, call, words } = JSON.parse(line) as {
      id: number;
      call: keyof typeof calls;
      words: unknown[];
    };
    try {
      const result = await (calls[call] as (...words: unknown[]) => unknown)(...words);
      process.stdout.write(`${JSON.stringify({ id, result })}\n`);
    } catch (error) {
      process.stdout.write(`${JSON.stringify({ id, error: String(error) })}\n`);
    }
  })
  .on('close', () => process.exit());
process.stdout.write(`${JSON.stringify({ id: 0 })}\n`);
