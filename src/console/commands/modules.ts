/** `module list` and `module hooks` (CMD-1): what this process is made of, and what programs can attach to. */
import { type Answer, structured } from '../answer.ts';
import type { HookFacts, ModuleFacts, NodeFacts } from '../facts.ts';
import type { Command } from '../registry.ts';
import { element, textElement } from '../xml.ts';
import { withoutArguments } from './arguments.ts';

export function moduleCommands(facts: Pick<NodeFacts, 'modules' | 'hooks'>): readonly Command[] {
  return [
    withoutArguments('module list', 'the modules that are loaded', 'read', () => list(facts.modules())),
    withoutArguments('module hooks', 'what a program can attach to, with its prototype', 'read', () =>
      hooks(facts.hooks),
    ),
  ];
}

function list(modules: readonly ModuleFacts[]): Answer {
  const all = modules.map((module) => ({ title: titleOf(module), fields: fieldsOf(module), ...module }));
  return structured({
    text: () =>
      all
        .map(({ title, fields }) =>
          [`Module: ${title}`, ...fields.map(([name, value]) => `  ${name}: ${value}`)]
            .map((line) => `${line}\n`)
            .join(''),
        )
        .join(''),
    xml: () =>
      element(
        'Modules',
        all.map(({ fields }) =>
          element(
            'Module',
            fields.map(([name, value]) => textElement(name, value)),
          ),
        ),
      ),
    json: () => ({
      modules: modules.map(({ scope, instance, isEnabled, api, description }) => ({
        scope,
        instance: instance ?? null,
        enabled: isEnabled,
        api,
        description,
      })),
    }),
  });
}

/** As the module is addressed by commands of its own: `ec_logger:main reopen logs`. */
function titleOf({ scope, instance }: ModuleFacts): string {
  return instance === undefined ? scope : `${scope}:${instance}`;
}

function fieldsOf({ scope, instance, isEnabled, api, description }: ModuleFacts): [string, string][] {
  return [
    ['Scope_Name', scope],
    ...(instance === undefined ? [] : [['Instance_Name', instance] as [string, string]]),
    ['Enabled', isEnabled ? 'enabled' : 'disabled'],
    ['API', api],
    ['Name', scope],
    ['Description', description],
  ];
}

function hooks(all: readonly HookFacts[]): Answer {
  return structured({
    text: () => all.map(({ name, prototype }) => `${name}\n\t${prototype}\n`).join(''),
    xml: () =>
      element(
        'Hooks',
        all.map(({ name, prototype }) =>
          element('Hook', [textElement('Name', name), textElement('Prototype', prototype)]),
        ),
      ),
    json: () => ({ hooks: all.map(({ name, prototype }) => ({ name, prototype })) }),
  });
}
