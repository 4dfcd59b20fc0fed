/**
 * One process as a member of the cluster: its actor system, its membership, its shared objects. The same in production
 * and in the simulator; only the world plugged in differs.
 */
import type { MembershipSettings } from '../core/settings.ts';
import { Membership } from './membership.ts';
import type { World } from './ports.ts';
import { ActorSystem } from './system.ts';

export interface MemberSettings {
  readonly membership: MembershipSettings;
}

export class Member {
  readonly system: ActorSystem;
  readonly membership: Membership;

  constructor(world: World, settings: MemberSettings) {
    this.system = new ActorSystem(world);
    this.membership = new Membership(this.system, world, settings.membership);
  }

  /** Says goodbye and stops all actors. */
  leave(): void {
    this.membership.leave();
    this.system.stop();
  }
}
