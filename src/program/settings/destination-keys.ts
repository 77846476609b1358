// The keys of [destination.<name>], and what several destinations must not be together.
import { z } from 'zod';
import { placeOf } from '../road-place.ts';
import { readRoadUrl } from '../road-url.ts';
import { problemsOfPolicies, problemsOfRoads } from './destination-policies.ts';
import { duration, keyWords, path, roadUrl, text } from './key-parts.ts';

export const destination = z.strictObject({
  url: roadUrl().register(keyWords, {
    summary:
      'Where segments go: file:/directory, ssh://user@host:port/directory; where twowarm is not installed there sftp://user@host:port/directory, rsync://user@host:port/module/path or rsync+ssh://user@host:port/directory. The directory must exist; no program creates it.',
    example: "'file:/mnt/db2/archive'",
    required: true,
  }),
  policy: z.enum(['required', 'fallback', 'best-effort']).default('required').register(keyWords, {
    summary:
      "Whether archive_command's success needs this destination. 'required': it has to have every file. 'fallback': it is asked when a required destination of its for has failed, and stands in for that. 'best-effort': what it misses it gets later.",
    default: "'required'",
    example: "'required'",
  }),
  compression: z.enum(['none', 'zstd']).default('none').register(keyWords, {
    summary:
      "How new segments are stored there: 'none' as they are, for any program to read; 'zstd' compressed, as <segment>.zst. What is there already stays as it is, and counts in either form.",
    default: "'none'",
    example: "'none'",
  }),
  time_limit: duration().default(120_000).register(keyWords, {
    summary: 'How long storing one file may take before the attempt is given up.',
    default: "'2min'",
    example: "'2min'",
  }),
  data_directory: path().optional().register(keyWords, {
    summary: "That node's data directory, for base backups.",
    example: "'/var/lib/postgresql/15/main'",
  }),
  for: z.array(text()).optional().register(keyWords, {
    summary: 'fallback only: the required destinations that it stands in for.',
  }),
  limit: duration().optional().register(keyWords, {
    summary:
      'fallback only: how long it may stand in, from the first file on; then archive_command fails again until the required destination is back.',
    default: 'none',
  }),
  hold: z.boolean().optional().register(keyWords, {
    summary:
      "fallback only: also keep a copy of the file in <home>/spool/held/ on this node until the required destination has it; false: the fallback's copy is enough.",
    default: 'true for a fallback',
  }),
  accept: z
    .array(z.enum(['not-exclusive', 'not-durable']))
    .default([])
    .register(keyWords, {
      summary:
        "Promises that the road to a destination may lack although archive_command's success rests on it. 'not-exclusive': two writers of one name at the same time may replace each other's file. 'not-durable': a file that counts as stored may be lost in a power failure of the far side. A best-effort destination, and a fallback with hold = true, may lack both anyway.",
    }),
});

/** One directory under two names would look like two copies. */
function refuseTwins(
  destinations: Record<string, z.output<typeof destination>>,
  context: z.RefinementCtx,
): void {
  const seen = new Map<string, string>();
  for (const [name, { url }] of Object.entries(destinations)) {
    const place = placeOf(readRoadUrl(url)) ?? url;
    const first = seen.get(place);
    if (first === undefined) seen.set(place, name);
    else
      context.addIssue({
        code: 'custom',
        path: [name, 'url'],
        message: `is the same place as "destination.${first}.url"`,
      });
  }
}

/** Policies that make no sense together, or rest on a road that cannot carry them. */
function refusePolicies(
  destinations: Record<string, z.output<typeof destination>>,
  context: z.RefinementCtx,
): void {
  for (const problem of [...problemsOfPolicies(destinations), ...problemsOfRoads(destinations)])
    context.addIssue({ code: 'custom', ...problem });
}

/** All destinations by name. */
export const destinations = z
  .record(z.string().regex(/^[A-Za-z0-9_-]{1,63}$/), destination)
  .default({})
  .superRefine(refuseTwins)
  .superRefine(refusePolicies);
