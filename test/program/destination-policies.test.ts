// Policies of several destinations that make no sense together: each is refused with its line.
import { describe, expect, it } from 'vitest';
import { configuredNode } from './configured-node.ts';
import { faultOf } from './fault.ts';

const durationWords = "is not a duration: write a number with a unit (ms, s, min, h, d), such as '5s'";
const smallest = "[node]\ndata_directory = 'DATA'\n";
const db2 = "[destination.db2]\nurl = 'file:/mnt/db2'\n";
const dr = (...lines: string[]): string =>
  `${smallest}${db2}[destination.dr]\nurl = 'file:/mnt/dr'\n${lines.join('\n')}\n`;

const problems: [title: string, toml: string, words: string][] = [
  [
    'a fallback for nobody',
    dr("policy = 'fallback'"),
    'line 5: "destination.dr.for" is missing: it names the required destinations that this fallback stands in for',
  ],
  [
    'a fallback for an empty list',
    dr("policy = 'fallback'", 'for = []'),
    'line 8: "destination.dr.for" must name a required destination that this fallback stands in for',
  ],
  [
    'a fallback for a text',
    dr("policy = 'fallback'", "for = 'db2'"),
    `line 8: "destination.dr.for" must be a list, such as ['db2']`,
  ],
  [
    'a fallback for an unknown destination',
    dr("policy = 'fallback'", "for = ['db3']"),
    'line 8: "destination.dr.for" names "db3", which is no destination',
  ],
  [
    'a fallback for a destination twice',
    dr("policy = 'fallback'", "for = ['db2', 'db2']"),
    'line 8: "destination.dr.for" names "db2" twice',
  ],
  [
    'a fallback for itself',
    dr("policy = 'fallback'", "for = ['dr']"),
    `line 8: "destination.dr.for" names itself: a fallback stands in for destinations that are 'required'`,
  ],
  [
    'a fallback for one that is not required',
    `${dr("policy = 'best-effort'")}[destination.far]\nurl = 'file:/mnt/far'\npolicy = 'fallback'\nfor = ['dr']`,
    `line 11: "destination.far.for" names "dr", whose policy is 'best-effort': a fallback stands in for destinations that are 'required'`,
  ],
  ...["for = ['db2']", "limit = '1h'", 'hold = true'].map((line): [string, string, string] => [
    `${line} of a destination that is no fallback`,
    dr(line),
    `line 7: "destination.dr.${line.split(' ')[0]}" is only for policy = 'fallback'`,
  ]),
  [
    'a limit that is no duration',
    dr("policy = 'fallback'", "for = ['db2']", "limit = 'never'"),
    `line 9: "destination.dr.limit" ${durationWords}`,
  ],
  [
    'no destination that is required',
    `${smallest}[destination.dr]\nurl = 'file:/mnt/dr'\npolicy = 'best-effort'`,
    `line 5: "destination.dr.policy" must not be 'best-effort' where no destination is 'required': archive_command would succeed without a copy`,
  ],
  [
    'a road by SFTP that is required',
    `${smallest}[destination.dr]\nurl = 'sftp://db3/archive'`,
    `line 4: "destination.dr.url" cannot be relied on, and the destination is required: the road there is not-durable (not-durable: a file that counts as stored may be lost in a power failure of the far side); to do without, write accept = ['not-durable'] in [destination.dr], or policy = 'best-effort'`,
  ],
  [
    'a road by SFTP that stands in without a copy',
    `${smallest}${db2}[destination.dr]\nurl = 'SFTP://db3/archive'\npolicy = 'fallback'\nfor = ['db2']\nhold = false`,
    `line 6: "destination.dr.url" cannot be relied on, and the destination stands in alone: the road there is not-durable (not-durable: a file that counts as stored may be lost in a power failure of the far side); to do without, write accept = ['not-durable'] in [destination.dr], or policy = 'best-effort'`,
  ],
];

const accepted: [title: string, lines: string][] = [
  ['by name', "accept = ['not-durable']"],
  ['by best-effort', "policy = 'best-effort'"],
  ['by a copy that is held', "policy = 'fallback'\nfor = ['db2']"],
];

describe('policies', () => {
  it.each(accepted)('accept a road by SFTP %s', async (_, lines) => {
    await using node = configuredNode(
      `${smallest}${db2}[destination.dr]\nurl = 'sftp://db3/archive'\n${lines}\n`,
    );
    expect(node.read().settings.destinations[1]!.mayLack).toContain('not-durable');
  });

  it.each(problems)('are refused: %s', async (_, toml, words) => {
    await using node = configuredNode(toml);
    expect(await faultOf(() => node.read())).toEqual({
      kind: 'settings',
      message: `cannot use the configuration ${node.file}: ${words}`,
    });
  });
});
