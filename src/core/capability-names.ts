/**
 * Capabilities of Linux by name, and the notation in which `Security { capabilities }` has them: that of `setcap`,
 * as `cap_net_admin,cap_net_raw+ep cap_net_bind_service+ep`.
 */

/** By their number in the kernel (include/uapi/linux/capability.h). */
const names = (
  'chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service ' +
  'net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin ' +
  'sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override ' +
  'mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore'
)
  .split(' ')
  .map((name) => `cap_${name}`);

const numbers = new Map(names.map((name, number) => [name, number]));

/** What of `wanted` is in a set as /proc/PID/status prints it, `CapEff:	0000000000003400`. */
export function capabilitiesIn(set: string, wanted: readonly string[]): string[] {
  const bits = BigInt(`0x${/^[0-9a-f]+$/i.test(set) ? set : '0'}`);
  return wanted.filter((name) => ((bits >> BigInt(numbers.get(name)!)) & 1n) === 1n);
}

/** Names in the order of the text, each once; or what is wrong with it. */
export function parseCapabilities(text: string): readonly string[] | { readonly problem: string } {
  const found = new Set<string>();
  for (const clause of text.split(/\s+/).filter((word) => word !== '')) {
    const [, list = '', flags] = /^([^+=-]*)([+=-].*)?$/.exec(clause)!;
    // Permitted and not effective is of use to a program that raises it itself, which this one does not.
    if (flags !== undefined && !/^[+=](?=.*e)(?=.*p)[eip]+$/.test(flags))
      return { problem: `'${clause}' is not kept and in force: write '${list}+ep'` };
    for (const written of list.split(',')) {
      const name = written.toLowerCase();
      if (!numbers.has(name)) return { problem: `'${written}' is no capability of Linux` };
      found.add(name);
    }
  }
  return [...found];
}

export function capabilitiesProblem(text: string): string | undefined {
  const parsed = parseCapabilities(text);
  return 'problem' in parsed ? parsed.problem : undefined;
}
