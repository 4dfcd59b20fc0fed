/** A process with a program on it that notes what it hears. */
import type { ProgramChannel } from '../../../src/actors/ports.ts';
import { type MulticastOrder, type ProgramHost, Programs } from '../../../src/actors/programs.ts';
import type { MemoryWire } from '../../../src/bus/memory.ts';
import { ProgramBus } from '../../../src/bus/program-bus.ts';
import type { ProgramMessage } from '../../../src/core/multicast/messages.ts';
import { viewKey } from '../../../src/core/view.ts';
import { type Fleet, type Sailor, settings } from './fleet.ts';

export interface Heard {
  readonly text: string;
  readonly from: string;
  readonly group: string | undefined;
  readonly order: MulticastOrder;
}

export const bytes = (text: string) => new TextEncoder().encode(text);
const textOf = (payload: Uint8Array) => new TextDecoder().decode(payload);

export class Speaker implements ProgramHost {
  readonly sailor: Sailor;
  readonly programs: Programs;
  readonly wire: MemoryWire;
  readonly heard: Heard[] = [];
  /** Messages and, in between, the members of group `g` whenever they change, and views. */
  readonly story: string[] = [];
  stats: ProgramHost['stats'] = async () => undefined;
  /** Hands a message to the process as if it had come over the bus. */
  sayAs: (message: ProgramMessage) => void = () => {};
  /** Messages for which this is true do not arrive. */
  ignores: (message: ProgramMessage) => boolean = () => false;

  constructor(fleet: Fleet, sailor: Sailor) {
    const { info, membership, incarnation, recorder } = sailor;
    const { log, counters } = recorder;
    const { clock, random } = fleet;
    this.sailor = sailor;
    this.wire = fleet.bus.connect(`${info.node} s`);
    this.wire.setState('up');
    const groups = { clusterGroup: 'ec_cluster', controlGroup: 'ec_console' };
    const bus = new ProgramBus(this.wire, { groups, self: incarnation, clock, random, log, counters });
    const channel: ProgramChannel = {
      encode: (item) => bus.encode(item),
      decode: (data) => bus.decode(data),
      broadcast: (message) => bus.broadcast(message),
      send: (to, message) => bus.send(to, message),
      onMessage: (listener) => {
        this.sayAs = listener;
        bus.onMessage((message) => {
          if (!this.ignores(message)) listener(message);
        });
      },
    };
    const self = { ...info, number: membership.self.number };
    const program: ProgramHost = {
      received: (payload, from, group, order) => this.received(payload, from, group, order),
      groupsStated: () => this.groupsStated(),
      stats: (what, from) => this.stats(what, from),
    };
    membership.listen({ viewInstalled: ({ id }) => this.story.push(`view ${viewKey(id)}`) });
    this.programs = new Programs(
      { clock, log, counters, self, programs: channel, program },
      membership,
      settings,
    );
  }

  received: ProgramHost['received'] = (payload, { node }, group, order) => {
    const text = textOf(payload);
    this.heard.push({ text, from: node, group, order });
    this.story.push(text);
  };

  groupsStated(): void {
    this.story.push(`g: ${this.members('g')}`);
  }

  /** Nodes of the view that have joined a group. */
  members(group: string): string {
    return this.sailor.membership.view.members
      .filter(({ incarnation }) => this.programs.groups.of(incarnation).has(group))
      .map(({ node }) => node)
      .join(' ');
  }

  texts(order: MulticastOrder = 'total'): string[] {
    return this.heard.filter((each) => each.order === order).map(({ text }) => text);
  }
}
