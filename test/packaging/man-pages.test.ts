// The man pages, read as man shows them: what is declared is there, character for character, and groff has no complaint.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadCommands, manifest, renderManPages } from '../../scripts/packaging/man-pages.ts';
import { pageName, renderCommandPage } from '../../scripts/packaging/command-page.ts';
import { exitStatusOf } from '../../src/program/exit-status.ts';
import type { Command } from '../../src/program/command.ts';
import { sections } from '../../src/program/settings/keys.ts';
import { installation } from '../harness/installation.ts';
import { run } from '../harness/run.ts';

const places = { version: '1.2.3', prefix: '/usr', documents: '/usr/share/doc/twowarm/docs' };
const commands = await loadCommands();
const pages = await renderManPages(places);

/** The page as a terminal shows it, its lines joined: where they break is the terminal's business. */
async function shown(source: string): Promise<string> {
  const env = { MANWIDTH: '100', LC_ALL: 'C.UTF-8' };
  const { code, stdout, stderr } = await run('man', ['--warnings', '-P', 'cat', '-l', '-'], {
    env,
    input: source,
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.replaceAll(/\s+/g, ' ');
}

const folded = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

it('there is a page for every program and every command, and twowarm.toml(5); package.json names them all', () => {
  const wanted = [
    'twowarm.1',
    'twowarm.toml.5',
    ...Object.keys(manifest.bin).map((program) => `${program}.1`),
    ...Object.keys(commands).map((key) => `twowarm-${key}.1`),
  ];
  expect([...pages.keys()].sort()).toEqual([...new Set(wanted)].sort());
  const { man } = manifest as unknown as { man: string[] };
  expect(man.sort()).toEqual([...pages.keys()].map((name) => `dist/man/${name}`).sort());
  for (const name of pages.keys())
    expect(existsSync(join(installation(), 'dist/man', name)), name).toBe(true);
});

describe.each(Object.entries(commands))('the page of %s', (key, command) => {
  let text = '';
  beforeAll(async () => {
    text = await shown(pages.get(`${pageName(command)}.1`)!);
  });

  it('has the sections of a man page, the words of --help, and no complaint of groff', () => {
    const titles = ['NAME', 'SYNOPSIS', 'DESCRIPTION', 'OPTIONS', 'EXIT STATUS', 'SEE ALSO'];
    const places = titles.map((title) => text.indexOf(` ${title} `));
    expect(places.every((place) => place > 0)).toBe(true);
    expect([...places].sort((a, b) => a - b)).toEqual(places);
    expect(text).toContain(folded(command.summary));
    for (const { name, summary } of [...command.options, ...command.positionals]) {
      expect(text).toContain(folded(summary));
      expect(text).toContain(name);
    }
    for (const { argument, name } of command.options)
      expect(text).toContain(
        `${name.length === 1 ? '-' : '--'}${name}${argument === undefined ? '' : ` ${argument}`}`,
      );
    for (const { code, meaning } of exitStatusOf(command).own)
      expect(text).toContain(folded(`${code} ${meaning}`));
    expect(text.includes(' FILES ')).toBe(command.options.some(({ name }) => name === 'config'));
    expect(text).toContain('twowarm 1.2.3');
  });

  it('is found as twowarm-<command>, too', () => {
    const other = pages.get(`twowarm-${key}.1`);
    expect(command.name === key ? other : 'its own').toBe(
      command.name === key ? `.so man1/${key}.1\n` : 'its own',
    );
  });
});

it('the line for postgresql.conf has the path of the package', async () => {
  expect(await shown(pages.get('archiveWALFile.1')!)).toContain(
    "archive_command = '/usr/bin/archiveWALFile %p %f'",
  );
});

it('twowarm(1) lists every command, and twowarm.toml(5) every key', async () => {
  const overview = await shown(pages.get('twowarm.1')!);
  for (const [key, { summary }] of Object.entries(commands))
    expect(overview).toContain(folded(`${key} ${summary}`));
  const configuration = await shown(pages.get('twowarm.toml.5')!);
  for (const [name, section] of Object.entries(sections))
    for (const key of Object.keys((section as { shape: object }).shape))
      expect(configuration, name).toContain(` ${key} `);
  expect(configuration).toContain("[node] data_directory = '/var/lib/postgresql/15/main'");
});

it('no text is taken for a request or a typographic sign', async () => {
  const odd: Command = {
    name: 'twowarm odd',
    summary: `Is "quoted", 'quoted', \`quoted\`, a\\nb, --dry-run, ~/x^2, 1–2, … and \\fBnot bold\\fR.`,
    positionals: [{ name: '.dot', summary: '.SH is no heading', required: true }],
    options: [{ name: 'x', argument: "'Y'", summary: "'br is no break" }],
    notes: ['.', "  recovery_target = 'a\\b'", '', 'A heading, with "quotes":', '  .. and text'],
    run: async () => 0,
  };
  const text = await shown(renderCommandPage(odd, places));
  for (const part of [
    odd.summary,
    '.dot .SH is no heading',
    "-x 'Y' 'br is no break",
    "recovery_target = 'a\\b'",
  ])
    expect(text).toContain(part);
  expect(text).toContain('A heading, with "quotes" .. and text');
});
