import { describe, expect, it } from 'vitest';
import { fakeNode, type } from './fake-node.ts';

describe('general commands', () => {
  it('CMD-1 help lists every command with one line', async () => {
    expect((await type('help')).text).toMatchInlineSnapshot(`
      "authz id                       who you are here, and your groups
      authz roles list               the roles of the configuration
      bounce_logger reopen logs      the same of bounce_logger, of one or of all of the kind
      cache list                     the caches of this node
      cache stat                     lookups and deletions of all caches
      cache stats                    lookups and deletions of all caches
      cidr cache details             the files that answers were made of
      cidr show available            the series that were written to files, with their first and last file
      cidr show count                what the files say of a netblock
      cluster abort                  end the transfer of this id
      cluster arp show               the hosts that the nodes have seen on the link: address, MAC and age
      cluster duravip announce view  tell all nodes now what this one is configured to float
      cluster duravip check          what is wrong with floating addresses, machine or options
      cluster duravip debug          log each change of ownership that this node sees
      cluster duravip history        the last 1000 changes of ownership, in UTC
      cluster duravip move           move floating addresses to a node and hold them there
      cluster duravip plan           which floating addresses would go where if a node were gone
      cluster duravip release        give up the floating addresses of this node until \`resume\`
      cluster duravip release-hold   end the hold of addresses that were moved by hand
      cluster duravip resume         take floating addresses again after \`release\`
      cluster duravip show           floating addresses: of one address or binding, or those a node owns
      cluster duravip show tables    the state tables of the floating addresses in XML
      cluster help                   list the cluster commands
      cluster info                   bus connections, groups and leader; -v adds the view
      cluster jobs                   transfers under way: id, kind, peer, age, bytes and how far they are
      cluster logs drop-subscriber   remove a subscriber from every log of this node, for good; what only it needed is deleted
      cluster membership             every member with its name, type, version, address and groups
      cluster nodeaddr               the cluster service address of this node
      cluster nodename               the name of this node
      cluster reset                  leave the cluster and join it again as a new incarnation
      cluster shared list            the shared objects of this node
      cluster shared show            the rows of a shared object: summed over the cluster, or as one node counts
      cluster shared stats           pending changes, batches, snapshots, gaps and lag of the shared objects
      cluster shared verify          own copy of each row against the digest its owner sent
      cluster show logs              logs offered to the aggregator: bytes on disk and where each subscriber stands; verbose adds the rest
      config begin                   open a transaction of this session
      config commit                  apply the open transaction, wholly or not at all
      config diff                    what differs between two of them
      config eval                    the value that counts there, and where it comes from
      config get                     the value of an option in exactly that scope
      config history                 the last generations of the configuration
      config locate                  where there are scopes of that kind
      config reload                  read the configuration again and apply it, wholly or not at all
      config replay                  the changes of the open transaction, as commands
      config rollback                drop the open transaction
      config set                     change an option of what runs; the files stay as they are
      config show                    what is in a scope
      config showrecurse             the same with the scopes in it, as a file could say it
      config unset                   take an option away, or all of a scope
      config writeback               write changes into the files they belong to, or everything into one file
      custom_logger reopen logs      the same of custom_logger, of one or of all of the kind
      ds_core flush                  empty a cache on this node
      ds_core stats                  lookups and deletions of the query caches
      ec_logger reopen logs          the same of ec_logger, of one or of all of the kind
      help                           list the commands, or explain one
      inbound_audit add              add to a named series
      inbound_audit count_cidr       the sum of a netblock in a named series
      inbound_audit delete_ip        delete a key from a named series
      inbound_audit help             the commands about inbound traffic over time
      inbound_audit load             add a file to a named series
      inbound_audit show all         the same of all addresses, as CSV
      inbound_audit show ip          connections, receptions and rejections of a netblock
      inbound_audit subtract         subtract from a named series
      module hooks                   what a program can attach to, with its prototype
      module list                    the modules that are loaded
      paniclog                       the last 10 messages of each level, in UTC
      pid                            the process id of the node
      reopen logs                    write, close and open again what all loggers write to
      shutdown                       stop the node gracefully
      sysinfo                        version, runtime and machine of the node
      version                        the version of the node
      write config                   the running configuration, here or in a file of the node
      "
    `);
  });

  it('CMD-1 help on one command explains it', async () => {
    expect((await type('help cluster info')).text).toMatchInlineSnapshot(`
      "usage: cluster info [-v]
      bus connections, groups and leader; -v adds the view (only reads)
      "
    `);
    expect((await type('HELP Shutdown')).text).toMatchInlineSnapshot(`
      "usage: shutdown
      stop the node gracefully (changes something)
      "
    `);
  });

  it('CMD-1 help on words that begin several commands lists those', async () => {
    const { text } = await type('help cluster shared');
    expect(text.split('\n').map((line) => line.split('  ')[0])).toEqual([
      'cluster shared list',
      'cluster shared show',
      'cluster shared stats',
      'cluster shared verify',
      '',
    ]);
  });

  it('CMD-1 help on anything else says so', async () => {
    expect(await type('help nothing')).toMatchObject({ text: "no help for 'nothing'\n", status: 1 });
  });

  it('CMD-1 help in JSON and XML names impact and usage', async () => {
    expect(JSON.parse((await type('json help pid')).text)).toEqual({
      commands: [{ words: 'pid', usage: 'pid', help: 'the process id of the node', impact: 'read' }],
    });
    expect((await type('xml help help')).text).toBe(
      '<Commands><Command words="help" impact="read"><Usage>help [&lt;command&gt;]</Usage><Help>list the commands, or explain one</Help></Command></Commands>\n',
    );
  });

  it('CON-20 version prints a banner of four lines framed by #', async () => {
    const { text } = await type('version');
    expect(text).toBe(`${'#'.repeat(40)}\n# flotilla version: 0.1.0\n# node: labrat-1\n${'#'.repeat(40)}\n`);
    expect(JSON.parse((await type('json version')).text)).toEqual({
      product: 'flotilla',
      version: '0.1.0',
      nodeName: 'labrat-1',
    });
    expect((await type('xml version')).text).toBe(
      '<Version><Product>flotilla</Product><Version>0.1.0</Version><Node_Name>labrat-1</Node_Name></Version>\n',
    );
  });

  it('CMD-1 pid prints the number', async () => {
    expect((await type('pid')).text).toBe('22787\n');
    expect((await type('json pid')).text).toBe('{"pid":22787}\n');
    expect((await type('xml pid')).text).toBe('<Pid>22787</Pid>\n');
  });

  it('CMD-1 sysinfo names version, runtime and machine', async () => {
    const { text, status } = await type('sysinfo');
    expect(status).toBe(0);
    expect(text).toMatch(
      /^Version: flotilla \S+\nRuntime: Node\.js \d+\.\S+\nSystem: \S+ \S+ \S+\nHost: \S+\nProcessors: \d+\nMemory: \d+ MiB\n$/,
    );
    const { text: json } = await type('json sysinfo');
    expect(JSON.parse(json)).toMatchObject({ runtime: `Node.js ${process.versions.node}` });
    expect((await type('xml sysinfo')).text).toMatch(/^<Sysinfo><Version>/);
  });

  it('CMD-1 shutdown begins the stop and says so', async () => {
    let stops = 0;
    const facts = fakeNode({ shutdown: () => stops++ });
    expect(await type('shutdown', facts)).toMatchObject({ text: 'Shutting down.\n', status: 0 });
    expect(stops).toBe(1);
  });

  it('CMD-20 shutdown with arguments is refused and stops nothing', async () => {
    let stops = 0;
    const facts = fakeNode({ shutdown: () => stops++ });
    expect(await type('shutdown now', facts)).toMatchObject({ text: 'usage: shutdown\n', status: 4 });
    expect(stops).toBe(0);
  });

  it('CMD-1 paniclog prints time, level and text', async () => {
    const facts = fakeNode({
      paniclog: () => [
        { wallMs: Date.UTC(2003, 10, 30, 10, 31, 37), level: 'critical', text: 'a <b>' },
        { wallMs: Date.UTC(2003, 11, 1, 0, 0, 9), level: 'info', text: 'later' },
      ],
    });
    expect((await type('paniclog', facts)).text).toBe(
      '[Sun 30 Nov 2003 10:31:37] [critical] a <b>\n[Mon 01 Dec 2003 00:00:09] [info] later\n',
    );
    expect(JSON.parse((await type('json paniclog', facts)).text).messages[0]).toEqual({
      time: '2003-11-30T10:31:37.000Z',
      level: 'critical',
      text: 'a <b>',
    });
    expect((await type('xml paniclog', facts)).text).toContain(
      '<Message time="2003-11-30T10:31:37.000Z" level="critical">a &lt;b&gt;</Message>',
    );
  });

  it.each(['version', 'pid', 'paniclog'])('CMD-20 %s with arguments prints its usage', async (word) => {
    expect(await type(`${word} x`)).toMatchObject({ text: `usage: ${word}\n`, status: 4 });
  });
});
