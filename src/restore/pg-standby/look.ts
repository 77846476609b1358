// One look at the archive: the file is delivered, or what is known of it instead. Nothing here waits or answers.
import { join } from 'node:path';
import { errnoOf, fromSystemError, ProgramError } from '../../program/program-error.ts';
import { describeError, type Report } from '../../program/print-error.ts';
import { closeFile, readInto, stat, unlessMissing } from '../../program/system-calls.ts';
import { openRegular, type OpenFile } from '../../transport/copy.ts';
import { inspectAs } from '../../transport/inspection.ts';
import type { Cluster } from '../../wal/content-check.ts';
import type { WalFileName } from '../../wal/filename.ts';
import { parseLongPageHeader } from '../../wal/page-header.ts';
import { isSegmentSize } from '../../wal/segment.ts';
import { copyToTarget, failedAtReading } from './copy-to-target.ts';

export type Seen =
  | { kind: 'restored'; sizeBytes: number; warning: string | undefined }
  /** The archive can be read and has no such file. */
  | { kind: 'absent' }
  /** A segment that is still being written. */
  | { kind: 'growing' }
  /** It is there and cannot be used, or the archive cannot be read. Never the same as absent. */
  | { kind: 'unknown'; report: Report }
  | { kind: 'too large'; report: Report }
  /** The file is fine; the path that was asked for is not. */
  | { kind: 'copy failed'; report: Report };

export interface Request {
  archive: string;
  name: WalFileName;
  /** Absolute. */
  target: string;
  /** Undefined where there is no data directory: then only the structure is checked. */
  cluster: Cluster | undefined;
}

const longHeaderBytes = 40;

/** Looks once. A throw is a stop or a bug. */
export async function lookAt(request: Request, signal: AbortSignal): Promise<Seen> {
  const path = join(request.archive, request.name.name);
  let opened: OpenFile | 'not a file' | undefined;
  try {
    opened = await unlessMissing(openRegular(path));
    if (opened === undefined) return await whatIsMissing(request, path);
  } catch (error) {
    return unknown(error, `could not read "${path}"`);
  }
  if (opened === 'not a file')
    return { kind: 'unknown', report: { message: `"${path}" is not a regular file` } };
  try {
    return await judge(request, path, opened, signal);
  } finally {
    await closeFile(opened.descriptor);
  }
}

/** Absence is only known while the directory is there and holds the file in no other form. */
async function whatIsMissing({ archive, name }: Request, path: string): Promise<Seen> {
  const compressed = await unlessMissing(stat(`${path}.zst`));
  const fault = await faultOf(archive);
  if (fault !== undefined) return { kind: 'unknown', report: fault };
  if (compressed === undefined) return { kind: 'absent' };
  const message = `cannot read "${path}.zst": pg_standby reads only plain files`;
  return { kind: 'unknown', report: { message, hint: `Decompress it beside: zstd -d "${name.name}.zst".` } };
}

/** What keeps the archive from being looked into, if anything does. */
export async function faultOf(archive: string): Promise<Report | undefined> {
  try {
    return (await stat(archive)).isDirectory()
      ? undefined
      : { message: `the archive "${archive}" is not a directory` };
  } catch (error) {
    return describeError(fromSystemError(error, `could not look into the archive "${archive}"`)).report;
  }
}

async function judge(request: Request, path: string, file: OpenFile, signal: AbortSignal): Promise<Seen> {
  const isSegment = request.name.kind === 'segment';
  try {
    const known = isSegment ? await sizeVerdict(request, path, file) : request.cluster;
    return known !== undefined && 'kind' in known ? known : await deliver(request, file, known, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    // In the refusal's first line it is the archive's file that is refused, so its path stands there.
    if (error instanceof ProgramError || failedAtReading(error))
      return unknown(error, `could not read "${path}"`);
    if (errnoOf(error) === undefined) throw error;
    const { message } = fromSystemError(error, `could not copy "${path}" to "${request.target}"`);
    return { kind: 'copy failed', report: { message } };
  }
}

/** The cluster to check against once the size fits the file's own header; else what the size says. */
async function sizeVerdict(request: Request, path: string, file: OpenFile): Promise<Seen | Cluster> {
  const head = Buffer.alloc(longHeaderBytes);
  const { bytesRead } = await readInto(file.descriptor, head, 0, longHeaderBytes, 0);
  if (bytesRead < longHeaderBytes) return { kind: 'growing' };
  const refuse = (detail: string): Seen => ({
    kind: 'unknown',
    report: { message: `will not restore "${path}": it is not what its name says`, detail },
  });
  const header = parseLongPageHeader(head);
  if ('problem' in header) return refuse(`Its first page ${header.problem}.`);
  const { segmentSize, systemIdentifier } = header;
  // Of a version that is newer than we know, the header has not been checked.
  if (!isSegmentSize(segmentSize))
    return refuse(`It claims an impossible segment size (${segmentSize} bytes).`);
  const cluster = request.cluster ?? { systemIdentifier, controlVersion: Infinity };
  // The size that a header claims is believed once the rest of it is right.
  inspectAs(request.name, cluster, `will not restore "${path}"`).of(segmentSize).add(head);
  const { size } = file.stats;
  if (size === segmentSize) return cluster;
  if (size < segmentSize) return { kind: 'growing' };
  const message = `"${path}" has ${size} bytes, more than a segment of ${segmentSize}`;
  return { kind: 'too large', report: { message } };
}

async function deliver(
  request: Request,
  { descriptor, stats }: OpenFile,
  cluster: Cluster | undefined,
  signal: AbortSignal,
): Promise<Seen> {
  const { archive, name, target } = request;
  const known = cluster ?? (await clusterInFile(descriptor));
  const inspection = inspectAs(name, known, `will not restore "${join(archive, name.name)}"`);
  await copyToTarget(descriptor, target, inspection.of(stats.size), signal);
  return { kind: 'restored', sizeBytes: stats.size, warning: inspection.warning() };
}

/** For a partial segment without a data directory to compare with; the text files name no cluster. */
async function clusterInFile(descriptor: number): Promise<Cluster> {
  const head = Buffer.alloc(longHeaderBytes);
  await readInto(descriptor, head, 0, longHeaderBytes, 0);
  const header = parseLongPageHeader(head);
  const systemIdentifier = 'problem' in header ? 0n : header.systemIdentifier;
  return { systemIdentifier, controlVersion: Infinity };
}

function unknown(error: unknown, what: string): Seen {
  const fault = fromSystemError(error, what);
  // A refusal already says which file it is about.
  return { kind: 'unknown', report: describeError(fault).report };
}
