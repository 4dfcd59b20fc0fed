/**
 * A client machine that watches floating addresses on the wire.
 *
 * - It asks each machine for each address directly, by hardware address, over ICMP and ARP: who answers is what the
 *   kernels do, whatever nodes and neighbour tables believe.
 * - It asks each address the way a client does, by its own neighbour table: what gets lost is what clients lose.
 * - It reads its neighbour table every few milliseconds.
 *
 * Times are those of the monotonic clock that all processes of the computer share. Run as a program it is that client:
 * its argument is the assignment, and what it sees goes to its parent.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { arpEtherType, arpProbe, type FilterStep } from '../src/net/linux/arp-frame.ts';
import { ipText, macBytes, macText } from '../src/net/linux/ip-bytes.ts';
import { NetlinkSocket, netlinkProtocol } from '../src/net/linux/netlink-socket.ts';
import { decodeRouteMessage, listNeighbours } from '../src/net/linux/route-messages.ts';
import { Answerers, type Sighting } from './answerers.ts';
import {
  echoAnswer,
  echoFrame,
  echoId,
  echoReplyFilter,
  echoRequest,
  ipv4EtherType,
  routedAnswer,
} from './echo-frame.ts';
import { internetAddress, linkAddress, ownStation, RawSocket } from './raw-socket.ts';

export interface Assignment {
  readonly ips: readonly string[];
  /** Hardware addresses of the machines that float them. */
  readonly machines: Readonly<Record<string, string>>;
  /** Without it, machines are not asked directly: one lookout on a side of the network is enough. */
  readonly asksDirectly: boolean;
  /** How often each address is asked, 5 unless told: with many addresses, more seldom. */
  readonly askEveryMs?: number;
}

/** What the neighbour table said of an address until it changed. */
export interface NeighbourSpan {
  readonly what: 'neighbour';
  readonly ip: string;
  /** Undefined: there was no entry, so the next packet asks. */
  readonly machine: string | undefined;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Questions by the neighbour table, one after the other, that nobody answered. */
export interface Gap {
  readonly what: 'gap';
  readonly ip: string;
  readonly lost: number;
  /** When the last answered one before and the first one after were sent. */
  readonly fromMs: number;
  readonly untilMs: number;
}

export type Report = Sighting | NeighbourSpan | Gap;

/** Of one address, at this moment. */
export interface Outlook {
  /** Who answers over ICMP; undefined when nobody does. */
  readonly machine: string | undefined;
  readonly neighbour: string | undefined;
}

export interface Look {
  readonly reports: readonly Report[];
  readonly outlook: Readonly<Record<string, Outlook>>;
}

const usualAskEveryMs = 5;
/** Of the rounds of direct questions, those that are asked over ARP, too. */
const arpEvery = 4;
const neighboursEveryMs = 10;
/** Without an answer for so long, nobody answers. */
const silentMs = 60;
const maxReports = 100_000;

export function sharedNowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export class Lookout {
  readonly #child: ChildProcess;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** `through`: words in front of a command that is to run there. */
  static start(through: readonly string[], assignment: Assignment): Lookout {
    const program = [process.execPath, '--import', 'tsx', import.meta.filename, JSON.stringify(assignment)];
    const [command = '', ...words] = [...through, ...program];
    return new Lookout(spawn(command, words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
  }

  /** What happened since the last look, and how things are. */
  look(): Promise<Look> {
    const ask = () =>
      new Promise<Look>((resolve, reject) => {
        const ended = () => reject(new Error('a lookout ended'));
        this.#child.once('exit', ended);
        this.#child.once('message', (look) => {
          this.#child.off('exit', ended);
          resolve(look as Look);
        });
        this.#child.send('look');
      });
    const look = this.#last.then(ask);
    this.#last = look.catch(() => undefined);
    return look;
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}

const link = 'eth0';
/** ARP replies to a probe, which names no sender. */
const probeReplyFilter: readonly FilterStep[] = [
  [0x28, 0, 0, 20], // A = operation
  [0x15, 0, 3, 2],
  [0x20, 0, 0, 38], // A = target's address
  [0x15, 0, 1, 0],
  [0x06, 0, 0, 0xffff],
  [0x06, 0, 0, 0],
];

class Reports {
  #reports: Report[] = [];

  add(report: Report): void {
    if (this.#reports.length < maxReports) this.#reports.push(report);
  }

  take(): readonly Report[] {
    const reports = this.#reports;
    this.#reports = [];
    return reports;
  }
}

/** Who answers, asked machine by machine. */
class DirectQuestions {
  readonly answerers: Answerers;
  readonly #frames: Record<'icmp' | 'arp', Buffer[]>;
  readonly #sockets: Record<'icmp' | 'arp', RawSocket>;
  readonly #to = linkAddress(link);
  #round = 0;

  constructor({ ips, machines }: Assignment, reports: Reports) {
    const own = ownStation(link);
    const names = new Map(Object.entries(machines).map(([name, mac]) => [mac, name]));
    const macs = Object.values(machines);
    const forthAndBack = [...macs, ...macs.slice(0, -1).reverse()];
    const framesOf = (frame: (mac: string, ip: string) => Buffer) =>
      ips.flatMap((ip) => forthAndBack.map((mac) => frame(mac, ip)));
    this.#frames = {
      icmp: framesOf((mac, ip) => echoFrame(own, mac, ip)),
      arp: framesOf((mac, ip) => {
        const probe = arpProbe(ip, macBytes(own.mac)!);
        probe.set(macBytes(mac)!, 0);
        return probe;
      }),
    };
    this.#sockets = {
      icmp: RawSocket.ofLink(link, ipv4EtherType, echoReplyFilter(echoId.direct, 14)),
      arp: RawSocket.ofLink(link, arpEtherType, probeReplyFilter),
    };
    this.answerers = new Answerers('icmp', (sighting) => reports.add(sighting));
    const overArp = new Answerers('arp', (sighting) => reports.add(sighting));
    this.#sockets.icmp.listen((frame) => {
      const { mac, ip } = echoAnswer(frame);
      this.answerers.answered(ip, names.get(mac) ?? mac, sharedNowMs());
    });
    this.#sockets.arp.listen((frame) => {
      const mac = macText(frame.subarray(6, 12));
      overArp.answered(ipText(frame.subarray(28, 32))!, names.get(mac) ?? mac, sharedNowMs());
    });
  }

  ask(): void {
    const protocol = this.#round++ % arpEvery === 0 ? ['icmp', 'arp'] : ['icmp'];
    for (const each of protocol as ('icmp' | 'arp')[]) {
      for (const frame of this.#frames[each]) this.#sockets[each].send(frame, this.#to);
    }
  }
}

/** What a client gets: one address, asked again and again by the neighbour table. */
class RoutedQuestions {
  readonly #ip: string;
  readonly #to: Buffer;
  readonly #reports: Reports;
  readonly #sentMs = new Float64Array(1 << 16);
  #sequence = 0;
  #answered: number | undefined;

  constructor(ip: string, reports: Reports) {
    this.#ip = ip;
    this.#to = internetAddress(ip);
    this.#reports = reports;
  }

  ask(socket: RawSocket): void {
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#sentMs[this.#sequence] = sharedNowMs();
    socket.send(echoRequest(echoId.routed, this.#sequence), this.#to);
  }

  answered(sequence: number): void {
    const before = this.#answered ?? sequence;
    const step = (sequence - before) & 0xffff;
    // A late one, or the answer of a second machine.
    if (step > 0x8000) return;
    this.#answered = sequence;
    if (step <= 1) return;
    const [fromMs, untilMs] = [this.#sentMs[before]!, this.#sentMs[sequence]!];
    this.#reports.add({ what: 'gap', ip: this.#ip, lost: step - 1, fromMs, untilMs });
  }
}

/** The neighbour table of this machine. */
class Neighbours {
  readonly #socket = new NetlinkSocket(netlinkProtocol.route);
  readonly #names: ReadonlyMap<string, string>;
  readonly #ips: readonly string[];
  readonly #reports: Reports;
  readonly spans = new Map<string, { machine: string | undefined; fromMs: number; untilMs: number }>();

  constructor({ ips, machines }: Assignment, reports: Reports) {
    this.#names = new Map(Object.entries(machines).map(([name, mac]) => [mac, name]));
    this.#ips = ips;
    this.#reports = reports;
  }

  async read(): Promise<void> {
    const atMs = sharedNowMs();
    const facts = await this.#socket.list(listNeighbours(), decodeRouteMessage);
    const macs = new Map(facts.flatMap((fact) => (fact.kind === 'neighbour' ? [[fact.ip, fact.mac]] : [])));
    for (const ip of this.#ips) {
      const mac = macs.get(ip);
      const machine = mac === undefined ? undefined : (this.#names.get(mac) ?? mac);
      const span = this.spans.get(ip);
      if (span && span.machine === machine) span.untilMs = atMs;
      else {
        if (span) this.#report(ip);
        this.spans.set(ip, { machine, fromMs: atMs, untilMs: atMs });
      }
    }
  }

  /** Also spans that have not ended, so that all is known at a look; they begin anew. */
  reportAll(): void {
    for (const [ip, span] of this.spans) {
      this.#report(ip);
      span.fromMs = span.untilMs;
    }
  }

  #report(ip: string): void {
    this.#reports.add({ what: 'neighbour', ip, ...this.spans.get(ip)! });
  }
}

function watch(assignment: Assignment): void {
  const reports = new Reports();
  const neighbours = new Neighbours(assignment, reports);
  const direct = assignment.asksDirectly ? new DirectQuestions(assignment, reports) : undefined;
  const { askEveryMs = usualAskEveryMs } = assignment;
  if (direct) setInterval(() => direct.ask(), askEveryMs);
  const routed = new Map(assignment.ips.map((ip) => [ip, new RoutedQuestions(ip, reports)]));
  const socket = RawSocket.ofIcmp(echoReplyFilter(echoId.routed, 0));
  socket.listen((packet) => {
    const { ip, sequence } = routedAnswer(packet);
    routed.get(ip)?.answered(sequence);
  });
  setInterval(() => {
    for (const each of routed.values()) each.ask(socket);
  }, askEveryMs);
  let reading = false;
  setInterval(async () => {
    if (reading) return;
    reading = true;
    await neighbours.read();
    reading = false;
  }, neighboursEveryMs);
  // Whoever started it says when it ends; Ctrl-C in his terminal is for him.
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => process.exit());
  process.on('message', () => {
    neighbours.reportAll();
    const outlook = Object.fromEntries(
      assignment.ips.map((ip) => [ip, outlookOf(ip, askEveryMs, direct, neighbours)]),
    );
    process.send?.({ reports: reports.take(), outlook } satisfies Look);
  });
}

function outlookOf(
  ip: string,
  askEveryMs: number,
  direct: DirectQuestions | undefined,
  neighbours: Neighbours,
): Outlook {
  const latest = direct?.answerers.latest(ip);
  const answers = latest !== undefined && sharedNowMs() - latest.untilMs < silentMs + askEveryMs;
  return { machine: answers ? latest.machine : undefined, neighbour: neighbours.spans.get(ip)?.machine };
}

if (process.argv[1] === import.meta.filename) watch(JSON.parse(process.argv[2] ?? '') as Assignment);
