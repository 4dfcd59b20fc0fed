/** What a new subcluster begins with: a configuration that every node of it starts with, ready to be edited (CONF-1). */

export const globalTemplates: Readonly<Record<string, string>> = {
  'global/msgc_server.conf': `# The message bus; the same on every node and manager.
#
# Without \`servers\` in cluster { } each node runs its own nats-server. Name the nodes, and give them a secret, when there is
# more than one:
#
# msgc_server {
#   peers = [ relay-1 = 10.1.1.1  relay-2 = 10.1.1.2 ]
#   secret = "..."
# }
# msgcserver_listener { Listen "*:4809" {} }
`,
};

export const subclusterTemplates: Readonly<Record<string, string>> = {
  'default/ecelerity.conf': `# The master file of a node.
include "ecelerity-cluster.conf"
`,
  'default/ecelerity-cluster.conf': `# What makes a node a member of its cluster.
include "msgc_server.conf"

cluster {
  Replicate "inbound_cidr" {}
}

Control_Listener { Listen "/tmp/2025" {} }
`,
  'default/eccluster.conf': `# The master file of a manager.
include "msgc_server.conf"

Control_Listener { Listen "/tmp/2026" {} }
`,
};
