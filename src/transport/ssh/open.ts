// From an ssh: URL to a road: credentials, the known host key, a login, the receiver, a hello.
import { ProgramError } from '../../program/program-error.ts';
import type { SshRoad as Address } from '../../program/ssh-url.ts';
import { connectSsh, type Target } from '../ssh.ts';
import type { Identity, Login } from '../transport.ts';
import { greet, type Purpose } from './greet.ts';
import { lease, type Opened } from './leases.ts';
import { Link } from './link.ts';
import { aboutRoad, SshRoad } from './road.ts';

/** A word as the far side's shell reads it back. */
const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** A forced command of the far side takes the place of this one. */
const commandFor = ({ directory, purpose }: Purpose, { receiver }: Login): string =>
  `${receiver} receive --directory ${quoted(directory)}${purpose === 'read' ? ' --allow-read' : ''}`;
