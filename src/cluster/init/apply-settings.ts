// The proposed settings into the running server, by ALTER SYSTEM: only where somebody has asked for it.
import type { LocalServer } from '../check/local-server.ts';
import type { ProposedSetting } from './propose-settings.ts';

export interface Applied {
  name: string;
  /** Why not; null: it is in postgresql.auto.conf. */
  fault: string | null;
}

const literal = (value: string): string => `'${value.replaceAll("'", "''")}'`;

/** One after the other, then a reload; what one refuses keeps no other from being set. */
export async function applySettings(
  server: LocalServer,
  settings: readonly ProposedSetting[],
): Promise<Applied[]> {
  const applied: Applied[] = [];
  for (const { name, value } of settings) {
    try {
      await server.rows(`alter system set ${name} = ${literal(value)}`);
      applied.push({ name, fault: null });
    } catch (error) {
      applied.push({ name, fault: error instanceof Error ? error.message : String(error) });
    }
  }
  if (applied.some(({ fault }) => fault === null)) await server.rows('select pg_reload_conf()');
  return applied;
}
