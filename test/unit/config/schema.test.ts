import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { defaultOf } from '../../../src/config/defaults.ts';
import { renderConfigurationReference } from '../../../src/config/reference.ts';
import { globalScope } from '../../../src/config/schema/global.ts';
import { optionOf, scopesWithPaths } from '../../../src/config/schema/lookup.ts';
import { withoutSecrets } from '../../../src/core/secrets.ts';

const places = [...scopesWithPaths()];

describe('design 9: one schema', () => {
  it('every default fits its type', () => {
    for (const option of places.flatMap(({ schema }) => schema.options)) {
      expect(() => defaultOf(option), option.name).not.toThrow();
      if (option.default !== undefined) expect(defaultOf(option), option.name).toBeDefined();
      if (option.alone !== undefined) expect(defaultOf(option, option.alone.default)).toBeDefined();
    }
  });

  it('CON-36 CON-21 the name of each secret option hides what a line sets it to, and of no other option', () => {
    for (const { name, isSecret } of places.flatMap(({ schema }) => schema.options)) {
      const line = `config set ${name} hunter2`;
      expect(withoutSecrets(line), name).toBe(isSecret ? `config set ${name} ...` : line);
    }
  });

  it('no scope has an option or an inner scope twice', () => {
    for (const { schema, shown } of places) {
      const options = schema.options
        .flatMap(({ name, alias }) => [name, alias ?? name])
        .map((name) => name.toLowerCase());
      expect(options.length - new Set(options).size, shown).toBe(
        schema.options.filter(({ alias }) => alias === undefined).length,
      );
      const scopes = schema.scopes.map(({ name }) => name.toLowerCase());
      expect(new Set(scopes).size, shown).toBe(scopes.length);
    }
  });

  it('every path of an option leads to a scope that lists it, and no name is both option and scope', () => {
    const known = new Map(places.map(({ path, schema }) => [path, schema]));
    for (const { schema } of places) {
      for (const option of schema.options) {
        for (const path of option.paths ?? []) {
          const scope = known.get(path);
          expect(scope && optionOf(scope, path, option.name)?.name, `${option.name} at ${path}`).toBe(
            option.name,
          );
        }
        expect(
          schema.scopes.some(({ name }) => name.toLowerCase() === option.name.toLowerCase()),
          option.name,
        ).toBe(false);
      }
    }
  });

  it('every option and scope says in a sentence what it is', () => {
    for (const { schema } of places) {
      expect(schema.text, schema.name).toMatch(/\.$/);
      for (const option of schema.options) expect(option.text, option.name).toMatch(/^[A-Z0-9`].*[.]$/);
    }
  });

  it('knows every stanza of a cluster', () => {
    const names = globalScope.scopes.map(({ name }) => name);
    for (const name of [
      'cluster',
      'msgc_server',
      'msgc_client',
      'msgcserver_listener',
      'ESMTP_Listener',
      'TCP_Listener',
      'Control_Listener',
      'ECCluster_Listener',
      'Binding_Group',
      'Binding',
      'Domain',
      'Host',
      'Pathway',
      'Datasource',
      'Logs',
      'Security',
      'Authorization',
      'Debug_Flags',
      'ThreadPool',
      'ec_logger',
      'bounce_logger',
      'custom_logger',
      'as_logger',
      'inbound_audit',
    ]) {
      expect(names).toContain(name);
    }
  });
});

describe('docs/reference/configuration.md', () => {
  const page = 'docs/reference/configuration.md';

  it('DVC-3 warns of options that are better left alone', () => {
    const text = renderConfigurationReference();
    for (const name of ['view_balance_interval', 'view_mature_time'])
      expect(text).toMatch(new RegExp(`^\\| \`${name}\` .*change it only on advice`, 'm'));
  });

  it('is what the schema says (npm run docs writes it)', () => {
    expect(existsSync(page) && readFileSync(page, 'utf8') === renderConfigurationReference()).toBe(true);
  });

  it('has a row for each option with an effect', () => {
    const text = renderConfigurationReference();
    for (const { schema, path } of places) {
      for (const { name, ignored, removed } of schema.options) {
        if (ignored || removed || optionOf(schema, path, name) === undefined) continue;
        expect(text).toMatch(new RegExp(`^\\| \`${name}\``, 'm'));
      }
    }
  });
});
