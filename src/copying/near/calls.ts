// System calls on files of this machine that system-calls.ts has no need of: what changes a file that is there, links.
import { chmod, fchmod, ftruncate, readlink, rmdir, symlink } from 'node:fs';
import { promisify } from 'node:util';

export const changeMode = promisify(chmod) as (path: string, mode: number) => Promise<void>;
export const changeModeOpen = promisify(fchmod) as (descriptor: number, mode: number) => Promise<void>;
export const truncateOpen = promisify(ftruncate) as (descriptor: number, sizeBytes: number) => Promise<void>;
export const readLink = promisify(readlink) as (path: string) => Promise<string>;
export const removeDirectory = promisify(rmdir) as (path: string) => Promise<void>;
export const makeLink = promisify(symlink) as (aim: string, path: string) => Promise<void>;
