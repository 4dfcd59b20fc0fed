/** Who the console takes one for, and which roles there are (CMD-2). The answer is XML also where text is asked for. */
import { type Answer, status, usage } from '../answer.ts';
import type { Command, Commander } from '../registry.ts';
import { element, escapeXml } from '../xml.ts';

export const authzCommands: readonly Command[] = [
  {
    words: 'authz id',
    usage: 'authz id',
    help: 'who you are here, and your groups',
    impact: 'read',
    run: (args, by) => (args.length > 0 ? usage('authz id') : idOf(by)),
  },
  {
    words: 'authz roles list',
    usage: 'authz roles list',
    help: 'the roles of the configuration',
    impact: 'read',
    run: (args, { roles }) =>
      args.length > 0 ? usage('authz roles list') : inXml(rolesElement(roles), { roles }),
  },
];

function idOf({ identity: { user, groups } }: Commander): Answer {
  const xml = `<AuthzInformation username="${escapeXml(user)}">${rolesElement(groups)}</AuthzInformation>`;
  return inXml(xml, { username: user, roles: groups });
}

function inXml(xml: string, json: unknown): Answer {
  return { status: status.ok, text: () => `${xml}\n`, xml: () => xml, json: () => JSON.stringify(json) };
}

function rolesElement(names: readonly string[]): string {
  return element(
    'Roles',
    names.map((name) => `<Role name="${escapeXml(name)}"/>`),
  );
}
