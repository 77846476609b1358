// The value of ProxyJump (ssh_config(5)): [user@]host[:port] or ssh://…, several with commas between them. Pure.

export interface Hop {
  /** As it is written, capitals included; an IPv6 address without its brackets. */
  host: string;
  user: string | undefined;
  port: number | undefined;
}

/** In the order in which they are passed; none for 'none'. Undefined for what is no such list. */
export function readJump(value: string): Hop[] | undefined {
  if (value.toLowerCase() === 'none') return [];
  const hops = value.split(',').map(readHop);
  return hops.includes(undefined) ? undefined : (hops as Hop[]);
}

function readHop(text: string): Hop | undefined {
  const written = text.replace(/^ssh:\/\/(.*?)\/?$/i, '$1');
  const at = written.lastIndexOf('@');
  const user = at < 0 ? undefined : written.slice(0, at);
  const [, inBrackets, bare, port] =
    /^(?:\[([0-9a-f:.]+(?:%[\w.-]+)?)\]|([a-z0-9_][a-z0-9._-]*))(?::(\d{1,5}))?$/i.exec(
      written.slice(at + 1),
    ) ?? [];
  const host = inBrackets ?? bare;
  if (host === undefined || user === '' || (user !== undefined && !/^[^\s:/@-][^\s:/]*$/.test(user)))
    return undefined;
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) return undefined;
  return { host, user, port: port === undefined ? undefined : Number(port) };
}

/** As ProxyJump and `ssh -J` take it. */
export const hopWords = ({ host, user, port }: Hop): string => {
  const name = host.includes(':') ? `[${host}]` : host;
  return `${user === undefined ? '' : `${user}@`}${name}${port === undefined ? '' : `:${port}`}`;
};
