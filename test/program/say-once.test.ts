// What is said once: by one mark for each topic, whose loss only means that it is said again.
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { forgetSaid, sayOnce } from '../../src/program/say-once.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';

let sandbox: Sandbox;
let state: string;
let said: string[];
beforeEach(() => {
  sandbox = makeSandbox('say-once');
  state = sandbox.directory('state');
  said = [];
});
afterEach(() => sandbox.dispose());

const say = (topic: string, text: string): Promise<void> =>
  sayOnce(state, topic, text, async () => void said.push(text));

describe('a text', () => {
  it('is said once, until another one was said on the topic', async () => {
    for (const text of ['a', 'a', 'b', 'b', 'a']) await say('topic', text);
    expect(said).toEqual(['a', 'b', 'a']);
  });

  it('is said for each topic', async () => {
    for (const topic of ['one', 'two', 'one']) await say(topic, 'a');
    expect(said).toEqual(['a', 'a']);
    expect(readdirSync(join(state, 'said')).sort()).toEqual(['one', 'two']);
  });

  it('is said again once the matter was over', async () => {
    await say('topic', 'a');
    forgetSaid(state, 'topic');
    forgetSaid(state, 'topic');
    forgetSaid(state, 'another');
    await say('topic', 'a');
    expect(said).toEqual(['a', 'a']);
  });

  it('is kept from others, whatever the umask', async () => {
    const before = process.umask(0);
    await say('topic', 'a');
    process.umask(before);
    expect(statSync(join(state, 'said')).mode & 0o7777).toBe(0o700);
    expect(statSync(join(state, 'said/topic')).mode & 0o7777).toBe(0o600);
  });

  it('counts as said only after it was', async () => {
    const fails = sayOnce(state, 'topic', 'a', () => Promise.reject(new Error('no log')));
    await expect(fails).rejects.toThrow('no log');
    await say('topic', 'a');
    expect(said).toEqual(['a']);
  });
});

describe('a mark that cannot be kept', () => {
  it('lets it be said each time', async () => {
    mkdirSync(join(state, 'said/topic'), { recursive: true });
    await say('topic', 'a');
    await say('topic', 'a');
    forgetSaid(state, 'topic');
    expect(said).toEqual(['a', 'a']);
  });

  it('for want of a state directory does, too', async () => {
    rmSync(state, { recursive: true });
    await say('topic', 'a');
    await say('topic', 'a');
    expect(said).toEqual(['a', 'a']);
  });

  it('for a file in its place does, too', async () => {
    writeFileSync(join(state, 'said'), '');
    await say('topic', 'a');
    forgetSaid(state, 'topic');
    await say('topic', 'a');
    expect(said).toEqual(['a', 'a']);
    expect(readFileSync(join(state, 'said'), 'utf8')).toBe('');
  });
});
