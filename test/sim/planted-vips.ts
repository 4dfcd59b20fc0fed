/**
 * Faults planted in the part that floats addresses; see planted-faults.ts. They are run with floating addresses, except
 * for those that take a kept scenario or a schedule of their own. Those without a seed, or with a rare one, take long to
 * be found.
 */
import type { Edit, PlantedFault } from './planted-faults.ts';
import { vipSchedules } from './vip-schedules.ts';

const ownership = 'src/actors/ownership.ts';
const gathering = 'src/actors/gathering.ts';
const handovers = 'src/actors/handovers.ts';
const keeper = 'src/actors/lease-keeper.ts';
const leader = 'src/actors/vip-leader.ts';
const neighbourhood = 'src/actors/neighbourhood.ts';
const locals = 'src/actors/local-vips.ts';
const duravip = 'src/actors/duravip.ts';
const machine = 'src/actors/duravip-machine.ts';
const plumber = 'src/actors/plumber.ts';
const term = 'src/core/duravip/lease-term.ts';
const table = 'src/core/duravip/vip-table.ts';
const decisions = 'src/core/duravip/decisions.ts';
const election = 'src/core/duravip/election.ts';
const balance = 'src/core/duravip/balance.ts';
const merge = 'src/core/duravip/merge.ts';
const queue = 'src/core/duravip/announce-queue.ts';

/** What is on and should not be is found and taken off within `if_check_interval` (NET-17). */
const notTakenOffLater: Edit = {
  file: locals,
  find: 'if (foreign.length === 0) return;',
  replace: 'if (foreign.length >= 0) return;',
};

export const plantedVipFaults: readonly PlantedFault[] = [
  // --- who may still answer
  {
    name: 'nobody waits for the holder of an address',
    seed: 2,
    file: handovers,
    find: 'if (this.#settings.concurrent) return noWait;',
    replace: 'return noWait;',
  },
  {
    name: 'a late word that an address is off counts',
    seed: 1,
    schedule: vipSchedules.pingPong,
    file: handovers,
    find: '|| compareStamps(since, upTo) > 0) return;',
    replace: ') return;',
  },
  {
    name: 'whoever ended is not waited for',
    seed: 2,
    file: handovers,
    find: "case 'closed': {\n",
    replace: "case 'closed': {\n        return noWait;\n",
  },
  {
    name: 'a silent process is not waited for',
    seed: 2,
    file: handovers,
    find: 'return heardMs + Math.max(leaseMs, this.#settings.failureTimeoutMs);',
    replace: 'return heardMs;',
  },
  {
    name: 'members do not tell each other who may still answer',
    seed: 6,
    schedule: vipSchedules.deafness,
    file: ownership,
    find: 'lost: this.#handovers.lost(this.#world.clock.nowMs()),',
    replace: 'lost: [],',
  },
  {
    name: 'only the last holder of an address is remembered',
    seed: 1,
    schedule: vipSchedules.inheritances,
    file: handovers,
    find: 'const holders = this.#holders.get(ip) ?? new Map<Incarnation, Holding>();',
    replace: 'const holders = new Map<Incarnation, Holding>();',
  },
  {
    name: 'the winner of a merge does not wait for the losers',
    file: ownership,
    find: 'this.#waitForLosers(losses);',
    replace: '',
  },
  {
    name: 'nobody says that an address is off',
    file: ownership,
    find: "this.#world.vips.broadcast({ kind: 'released', from: this.#self, upTo: this.#stamp, ips });",
    replace: '',
    scenario: 'vip-moves.json',
  },
  {
    name: 'the wait for a member begins anew whenever it is asked for',
    file: handovers,
    find: 'this.#waitForMember(holder, Math.max(givenMs, atMs))',
    replace: 'this.#waitForMember(holder, nowMs)',
    scenario: 'vip-wait-begun-anew.json',
  },
  // --- the lease
  {
    name: 'a lease that ran out is taken again',
    seed: 1,
    schedule: vipSchedules.naps,
    file: keeper,
    find: 'if (await this.#ports.lease.refresh(remainingMs)) this.#expectUntil(endsMs);\n    else this.#lose();',
    replace:
      'if (!(await this.#ports.lease.refresh(remainingMs))) await this.#ports.lease.take(remainingMs);\n    this.#expectUntil(endsMs);',
    // Else it notices by its own timer.
    also: [
      {
        file: keeper,
        find: 'if (remainingMs <= 0) {\n      this.#lose();',
        replace: 'if (remainingMs <= 0) {',
      },
    ],
  },
  {
    name: 'the lease counts from when a beat comes back',
    file: term,
    find: 'this.#echoedMs = Math.max(this.#echoedMs, this.#sentAt(count));',
    replace: 'this.#echoedMs = this.#sentMs[this.#count % remembered]!;',
  },
  {
    name: 'what others heard counts from the latest beat, whichever they heard',
    seed: 1,
    schedule: vipSchedules.deafness,
    file: term,
    find: 'const sentMs = this.#sentAt(this.#count - behind);',
    replace: 'const sentMs = this.#sentAt(this.#count + 0 * behind);',
  },
  {
    name: 'half of the nodes are a quorum',
    seed: 2,
    file: term,
    find: 'others[quorum - 2]',
    replace: 'others[quorum - 3]',
  },
  {
    name: 'a manager counts for the quorum',
    seed: 1,
    schedule: vipSchedules.managedMinority,
    file: ownership,
    find: "if (by.type === 'Momentum') this.lease.heardBy(",
    replace: 'this.lease.heardBy(',
  },
  {
    name: 'nodes that are out of the view count for the quorum',
    file: term,
    find: 'for (const node of this.#heardMs.keys()) if (!nodes.has(node)) this.#heardMs.delete(node);',
    replace: '',
  },
  {
    name: 'the leader decides without a quorum',
    rareSeed: 54,
    file: ownership,
    find: 'hasQuorum: () => this.hasQuorum &&',
    replace: 'hasQuorum: () => true ||',
  },
  {
    name: 'a node whose lease is over stays in its view',
    seed: 20,
    file: ownership,
    find: 'if (this.#view.members.length > 1) this.#membership.secede();',
    replace: 'if (this.#view.members.length > 1) return;',
  },
  {
    name: 'a node whose lease is over claims what it had',
    seed: 2,
    file: ownership,
    find: 'const claimed = this.#gaveUp ? [] : claims.claims;',
    replace: 'const claimed = claims.claims;',
  },
  // --- putting on and taking off
  {
    name: 'the lease is left on what goes elsewhere until it is off',
    seed: 1,
    file: locals,
    find: 'this.#letGo(leaving.flatMap((vip) => vip.places));',
    replace: '',
    also: [
      {
        file: plumber,
        find: 'await kernel.lease.disown(addresses.map(({ ip }) => ip));\n      return byJob',
        replace: 'return byJob',
      },
    ],
  },
  {
    name: 'what was given away while it was being put on answers',
    seed: 37,
    file: plumber,
    find: 'plumbed[i]!.ok && job.wanted());',
    replace: 'plumbed[i]!.ok);',
    also: [
      {
        file: machine,
        find: "          { guard: 'current', target: 'owned' },\n          { target: 'releasing' },",
        replace: "          { target: 'owned' },",
      },
    ],
  },
  {
    name: 'an address that was taken off by hand is not missed',
    seed: 5,
    file: machine,
    find: "MISSING: 'missing',",
    replace: '',
  },
  {
    name: 'what could not be taken off is not tried again',
    seed: 2,
    file: machine,
    find: "after: { retry: 'releasing' },",
    replace: '',
  },
  {
    name: 'what could not be put on is not tried again',
    file: machine,
    find: "after: { coolDown: [{ guard: 'mustRelease', target: 'releasing' }, { target: 'elsewhere' }] },",
    replace: '',
  },
  {
    name: 'what could not be put on is not announced as such',
    seed: 1,
    schedule: vipSchedules.misplaced,
    file: duravip,
    find: 'reportFailed: () => this.#ports.capable(this.ip, false),',
    replace: 'reportFailed: () => {},',
  },
  {
    name: 'what could not be put on whole is left there',
    seed: 1,
    schedule: vipSchedules.refusals,
    file: plumber,
    find: 'if (failed.length > 0) await this.#undo(failed);',
    replace: '',
    also: [notTakenOffLater],
  },
  {
    name: 'services stay when the address goes',
    seed: 1,
    file: duravip,
    find: 'const left = await this.#ports.host.offline(this.ip).then(() => undefined, refusal);',
    replace: 'const left = await Promise.resolve().then(() => undefined, refusal);',
  },
  {
    name: 'services start before the address is on',
    seed: 1,
    file: duravip,
    find: 'const prepared = await this.#ports.host.prepare?.(this.ip);',
    replace: 'const prepared = await this.#ports.host.online(this.ip);',
  },
  {
    name: 'followers stay where they are',
    file: duravip,
    find: 'const addresses = this.#placed;\n',
    replace: 'const addresses = this.#placed.slice(0, 1);\n',
  },
  {
    name: 'a process that starts leaves everything on',
    seed: 1,
    file: locals,
    find: 'kernel.lease.disown(places.map(({ ip }) => ip)),\n      kernel.unplumb(places),',
    replace: '',
  },
  // --- agreeing on owners
  {
    name: 'owners are settled before all claims are here',
    seed: 1,
    file: ownership,
    find: 'if (this.table.lacking(claims).length > 0) return;',
    replace: '',
  },
  {
    name: 'claims that were lost are not asked for',
    seed: 1,
    file: gathering,
    find: 'vips.send(member, {\n        kind',
    replace: 'void ({\n        kind',
  },
  {
    name: 'an announcement that was lost is not missed',
    seed: 27,
    schedule: vipSchedules.whispers,
    file: gathering,
    find: 'if (this.#table.gathering || said <= known) return;',
    replace: 'return;',
  },
  {
    name: 'decisions that come early are dropped',
    seed: 4,
    file: ownership,
    find: 'if (this.table.gathering) this.#early.push(decision);\n    else ',
    replace: 'if (!this.table.gathering) ',
  },
  {
    name: 'requests are carried out while claims are gathered',
    rareSeed: 22,
    file: leader,
    find: 'if (this.#table.gathering || this.#ports.applied()',
    replace: 'if (this.#ports.applied()',
  },
  {
    name: 'the sequence of decisions does not begin anew',
    rareSeed: 85,
    file: leader,
    find: '    this.#sequence = 0;\n    this.#balancedMs',
    replace: '    this.#balancedMs',
  },
  {
    name: 'the loser of a merge keeps the address',
    seed: 1,
    file: ownership,
    find: 'this.local.unassign(leaving);',
    replace: 'if (this.#applied > 0) this.local.unassign(leaving);',
  },
  {
    name: 'each member lets the claims that came first stand',
    seed: 1,
    file: merge,
    find: 'for (const member of members) {\n    for (const ip of byMember',
    replace: 'for (const member of byMember.keys()) {\n    for (const ip of byMember',
  },
  {
    name: 'owners that left stay owners',
    seed: 1,
    file: table,
    find: 'const owner = merge.owners.get(row.ip);',
    replace: 'const owner = merge.owners.get(row.ip) ?? row.owner;',
  },
  {
    name: 'addresses mature at once',
    seed: 1,
    file: decisions,
    find: 'viewChangedAtMs + table.settings.matureMs, tellAgainAtMs',
    replace: 'viewChangedAtMs, tellAgainAtMs',
  },
  {
    name: 'orphans are never looked at',
    seed: 1,
    file: decisions,
    find: 'if (!row.orphan) return never;',
    replace: 'return never;',
    also: [
      {
        file: decisions,
        find: 'if (matureAtMs <= nowMs) mature.push(row);',
        replace: 'if (matureAtMs <= nowMs && !row.orphan) mature.push(row);',
      },
    ],
  },
  {
    name: 'a node that drains keeps its addresses',
    seed: 1,
    schedule: vipSchedules.drains,
    file: 'src/core/duravip/vip-row.ts',
    find: 'return this.participates(seat) && this.flags[seat] === capableFlag;',
    replace: 'return this.participates(seat) && (this.flags[seat]! & capableFlag) !== 0;',
  },
  {
    name: 'preferences count for nothing',
    seed: 4,
    file: election,
    find: "return { vip, owner: preferred, cause: 'preferred' };",
    replace: "return { vip, owner, cause: 'kept' };",
  },
  {
    name: 'balancing goes on for ever',
    rareSeed: 34,
    file: balance,
    find: 'if (from === nobody || this.#loads[from]! - floor <= 1) return undefined;',
    replace: 'if (from === nobody || this.#loads[from]! - floor < 1) return undefined;',
    also: [
      {
        file: balance,
        find: 'if (to !== nobody && this.#loads[from]! - this.#loads[to]! > 1)',
        replace: 'if (to !== nobody && this.#loads[from]! - this.#loads[to]! > 0)',
      },
    ],
  },
  {
    name: 'nothing is balanced',
    seed: 1,
    file: leader,
    find: 'this.#balancedMs = nowMs;\n',
    replace: 'this.#balancedMs = nowMs;\n    if (nowMs > 0) return;\n',
  },
  // --- telling the neighbours
  {
    name: 'announcements go on after the release',
    seed: 1,
    file: queue,
    find: '    job.left = 0;\n    this.#jobs.delete(ip);\n  }\n\n  /** What',
    replace: '  }\n\n  /** What',
  },
  {
    name: 'what is on another interface is left there',
    file: locals,
    find: 'return isElsewhere || (!wanted && isOff);',
    replace: 'return !wanted && isOff;',
    scenario: 'vip-left-on-another-interface.json',
  },
  {
    name: 'a process announces without its lease',
    seed: 1,
    file: neighbourhood,
    find: 'if (!this.#ports.answers()) {',
    replace: 'if (this.#queue.size < 0) {',
  },
  {
    name: 'what was lost and won again is announced before it answers',
    seed: 8,
    file: duravip,
    find: 'return this.#wanted && !this.#isSilent ? this.plumbed : [];',
    replace: 'return this.#wanted ? this.plumbed : [];',
  },
  {
    name: 'a new owner tells nobody',
    seed: 1,
    file: plumber,
    find: 'this.#options.acquired(kept.flatMap(({ addresses }) => addresses));',
    replace: '',
  },
  {
    name: 'winners of a merge do not announce again',
    seed: 1,
    file: ownership,
    find: 'this.neighbourhood.announce(this.local.plumbed);',
    replace: '',
    also: [
      {
        file: ownership,
        find: 'this.neighbourhood.announce(ips.flatMap((ip) => this.local.get(ip)?.answering ?? []));',
        replace: '',
      },
    ],
  },
];
