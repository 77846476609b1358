// What a receiver was started for. A forced command in authorized_keys fixes it: whoever has the key gets no more.

export interface Terms {
  /** The archive's directory, absolute; a client must name the same one. */
  directory: string;
  /** Whether files may be fetched, listed and watched, too; without it a key can only add and compare. */
  mayRead: boolean;
}
