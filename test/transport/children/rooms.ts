// Makes private directories of rsync and gives them up again, many times, and prints how many there were.
import type { Identity } from '../../../src/transport/transport.ts';
import { inRoom } from '../../../src/transport/rsync/rooms.ts';

export interface RoomsFacts {
  node: Identity;
  times: number;
}

const { node, times } = JSON.parse(process.argv[2]!) as RoomsFacts;
let made = 0;
for (let time = 0; time < times; time++) await inRoom(node, async () => void (made += 1));
process.stdout.write(`${made}`);
