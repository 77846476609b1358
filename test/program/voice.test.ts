// What a program says and to whom: losing the log, the reader or the disk under the log must not change what was done.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mountTmpfs } from '../harness/mounts.ts';
import { run, type RunResult } from '../harness/run.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { runsAsRoot, serverUser } from '../harness/server-user.ts';
import { carriedNode, startScript } from '../harness/source-script.ts';
import type { SpeakingFacts } from './children/speaking.ts';

const script = 'test/program/children/speaking.ts';
const checkout = join(import.meta.dirname, '..', '..');
// Only root can mount.
const itAsRoot = it.runIf(runsAsRoot());

const warning = 'speaking: WARNING:  take care\nDETAIL:  There is a reason.\n';
const fault = 'speaking: ERROR:  could not do it\nHINT:  Make room.\n';

/** Runs the command from the checkout, where pino is; `line` stands for "$@" with redirections. */
function speak(facts: SpeakingFacts, line = 'exec "$0" "$@"'): Promise<RunResult> {
  const words = [carriedNode(), join(checkout, script), JSON.stringify(facts)];
  return run('/bin/sh', ['-c', line, ...words], { user: 'self', timeoutMs: 20_000 });
}

const linesOf = (file: string): Record<string, unknown>[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('a log file', () => {
  it('gets every event as a line of JSON, and stderr only what is not as it should be', async () => {
    await using sandbox = makeSandbox('log');
    const file = join(sandbox.directory('log'), 'twowarm.json');
    const facts = { file, home: sandbox.directory('home'), events: 2, fails: true };
    for (let runs = 1; runs <= 2; runs++) {
      const result = await speak(facts);
      expect(result).toMatchObject({ code: 23, stdout: 'an answer\n', stderr: `${warning}${fault}` });
      expect(linesOf(file)).toHaveLength(4 * runs);
    }
    const common = {
      program: 'speaking',
      pid: expect.any(Number) as number,
      time: expect.any(String) as string,
    };
    expect(linesOf(file).slice(0, 4)).toEqual([
      { ...common, level: 30, msg: 'stored', name: 'segment 0' },
      { ...common, level: 30, msg: 'stored', name: 'segment 1' },
      { ...common, level: 40, severity: 'WARNING', msg: 'take care', detail: 'There is a reason.', count: 1 },
      { ...common, level: 50, severity: 'ERROR', msg: 'could not do it', hint: 'Make room.', exitCode: 23 },
    ]);
    const { uid, gid } = serverUser();
    const { mode, ...owner } = statSync(file);
    expect({ mode: (mode & 0o777).toString(8), ...owner }).toMatchObject({ mode: '600', uid, gid });
  });

  it.each([
    ['a FIFO', (path: string) => void spawnSync('mkfifo', [path])],
    ['a device', (path: string) => symlinkSync('/dev/full', path)],
    ['a directory', (path: string) => mkdirSync(path)],
  ])('that is %s is none: one warning, and the work goes on', async (_, make) => {
    await using sandbox = makeSandbox('log');
    const file = join(sandbox.path, 'log');
    make(file);
    const lost = `speaking: WARNING:  could not open the log file: "${file}" is not a regular file\n`;
    expect(await speak({ file, home: sandbox.path, events: 1 })).toMatchObject({
      code: 0,
      stdout: 'an answer\n',
      stderr: `${lost}${warning}`,
    });
  });

  it('in a directory that is not there is none: one warning, and nothing is made', async () => {
    await using sandbox = makeSandbox('log');
    const file = join(sandbox.path, 'missing', 'log');
    const { code, stderr } = await speak({ file, home: sandbox.path, events: 1 });
    expect(code).toBe(0);
    expect(stderr).toBe(
      `speaking: WARNING:  could not open the log file: ENOENT: no such file or directory, open '${file}'\n${warning}`,
    );
  });

  itAsRoot('on a full disk loses its lines and nothing else', async () => {
    await using sandbox = makeSandbox('log');
    const directory = sandbox.directory('disk');
    using disk = mountTmpfs(directory, 'size=8k');
    const file = join(directory, 'log');
    const facts = { file, home: sandbox.path, events: 200 };
    expect(await speak(facts)).toMatchObject({ code: 0, stdout: 'an answer\n', stderr: warning });
    expect(statSync(file).size).toBeLessThanOrEqual(8192);
    expect(await speak({ ...facts, fails: true })).toMatchObject({ code: 23, stderr: `${warning}${fault}` });
    disk.remount('ro');
    const { code, stderr } = await speak(facts);
    expect(code).toBe(0);
    expect(stderr).toBe(
      `speaking: WARNING:  could not open the log file: EROFS: read-only file system, open '${file}'\n${warning}`,
    );
  });
});

describe('a program whose words nobody hears', () => {
  it.each([
    ['stderr is full', '"$0" "$@" 2>/dev/full', 'an answer\n'],
    ['stderr is closed', '"$0" "$@" 2>&-', 'an answer\n'],
    ['stdout is full', '"$0" "$@" >/dev/full 2>&1', ''],
    ['stdout is closed', '"$0" "$@" >&- 2>/dev/null', ''],
  ])('has done what it has done: %s', async (_, line, stdout) => {
    await using sandbox = makeSandbox('voice');
    for (const fails of [false, true]) {
      const result = await speak({ home: sandbox.path, events: 1, fails }, line);
      expect(result).toMatchObject({ code: fails ? 23 : 0, stdout });
    }
  });

  it('still has them where the log cannot even be loaded', async () => {
    await using sandbox = makeSandbox('voice');
    // The copy that this runs from has no node_modules: pino is not found.
    const file = join(sandbox.path, 'log');
    const { result } = startScript(script, { file, home: sandbox.path, events: 1, fails: true });
    expect(await result).toMatchObject({ code: 23, stdout: 'an answer\n', stderr: `${warning}${fault}` });
  });

  it('has done what it has done: the readers of both are gone', async () => {
    await using sandbox = makeSandbox('voice');
    const line = '{ { sleep 0.2; "$0" "$@" 2>&1; echo "code $?" >&3; } | true; } 3>&1';
    for (const fails of [false, true]) {
      const { stdout, stderr } = await speak({ home: sandbox.path, events: 1, fails }, line);
      expect({ stdout, stderr }).toEqual({ stdout: `code ${fails ? 23 : 0}\n`, stderr: '' });
    }
  });

  it('still tells its log file where stderr is full', async () => {
    await using sandbox = makeSandbox('voice');
    const file = join(sandbox.path, 'log');
    const facts = { file, home: sandbox.path, events: 1, fails: true };
    expect(await speak(facts, '"$0" "$@" 2>/dev/full')).toMatchObject({ code: 23, stdout: 'an answer\n' });
    expect(linesOf(file).map(({ msg }) => msg)).toEqual(['stored', 'take care', 'could not do it']);
  });
});
