import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placeOf } from '../../src/program/road-place.ts';
import { readRoadUrl, roadUrlCure, withoutSecret } from '../../src/program/road-url.ts';

it('a directory whose path begins like one of another machine within this process cannot be used', () => {
  expect(readRoadUrl('file:/far:1/wal').kind).toBe('unusable');
  expect(readRoadUrl('file:/far/wal').kind).toBe('directory');
});

describe('the URL of a destination or a source', () => {
  it.each([
    ['file:/a/b', '/a/b'],
    ['file:///a/b', '/a/b'],
    ['File:/a', '/a'],
    ['file:/a//', '/a'],
    ['file:///', '/'],
    ['file:/a b%20#c?d@e:f', '/a b%20#c?d@e:f'],
  ])('%s is a directory', (url, directory) => {
    expect(readRoadUrl(url)).toEqual({ kind: 'directory', directory });
  });

  it.each([
    ['s3://bucket', 's3'],
    ['gs://bucket', 'gs'],
    ['azblob://container', 'azblob'],
  ])('%s is known and not built', (url, scheme) => {
    expect(readRoadUrl(url)).toEqual({ kind: 'not-built', scheme });
  });

  it.each([
    '',
    '/a',
    'a',
    'file:',
    'file:a',
    'file:./a',
    'file:~/a',
    'file://h/a',
    'file:////a',
    'http://h/a',
    'x:/a',
    ':/a',
  ])('%j is of no use', (url) => {
    expect(readRoadUrl(url)).toEqual({ kind: 'unusable', cure: roadUrlCure });
  });

  it('has a cure that names an example that works', () => {
    expect(roadUrlCure).toBe(
      'write file: and an absolute directory, such as file:/mnt/db2/archive, or ssh://user@host:port and one there',
    );
    expect(readRoadUrl(/file:\/\S*(?=,)/.exec(roadUrlCure)![0])).toEqual({
      kind: 'directory',
      directory: '/mnt/db2/archive',
    });
  });

  it('never shows a password, whatever is in it, and leaves every other URL as it is', () => {
    const secret = fc.string({ unit: 'binary', minLength: 1 }).map((text) => `5ecret${text}5ecret`);
    fc.assert(
      fc.property(secret, fc.constantFrom('', 'u', 'postgres'), (password, user) => {
        expect(withoutSecret(`ssh://${user}:${password}@db2/a`)).toBe(`ssh://${user}:…@db2/a`);
      }),
    );
    for (const url of [
      'file:/a:b@c',
      'ssh://db2:22/a',
      'ssh://u@db2:22/a',
      'file:///mnt/a',
      'ssh://[::1]:22/a@b',
    ]) {
      expect(withoutSecret(url)).toBe(url);
    }
  });

  it.each([
    ['ssh://u@h:22/a', 'ssh://H/a/'],
    ['file:/a', 'file:///a/'],
    ['rsync://u@H:873/m/a', 'rsync://h/m/a/'],
    ['rsync+ssh://h/a', 'ssh://u@h:22/a'],
  ])('%s and %s are one place', (one, other) => {
    expect(placeOf(readRoadUrl(one))).toBe(placeOf(readRoadUrl(other)));
  });

  it.each([
    ['ssh://h:23/a', 'ssh://h/a'],
    ['ssh://h/a', 'ssh://h/A'],
    ['ssh://h/a', 'ssh://h2/a'],
    ['ssh://h/a', 'file:/a'],
    ['rsync://h/m/a', 'rsync+ssh://h/m/a'],
  ])('%s and %s are two', (one, other) => {
    expect(placeOf(readRoadUrl(one))).not.toBe(placeOf(readRoadUrl(other)));
  });

  it('has no place where the road is not built', () => {
    for (const url of ['s3://bucket', 'rsync:/a']) expect(placeOf(readRoadUrl(url))).toBeUndefined();
  });
});
