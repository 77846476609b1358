// Which build this is. scripts/build.ts writes both values into the bundle; run from the sources they are absent.
declare const TWOWARM_VERSION: string | undefined;
declare const TWOWARM_BUILD: string | undefined;

/** The version of package.json, '0.1.0'. */
export const version = typeof TWOWARM_VERSION === 'string' ? TWOWARM_VERSION : 'unbuilt';

/** A hash of the sources: what one build has cached, another one does not trust. */
export const build = typeof TWOWARM_BUILD === 'string' ? TWOWARM_BUILD : 'unbuilt';
