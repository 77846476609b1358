// Tokens (%h), variables (${HOME}) and ~ in values of ssh_config (ssh_config(5), TOKENS, ENVIRONMENT VARIABLES). Pure.
import { join } from 'node:path';

export type Tokens = Readonly<Record<string, string | undefined>>;
/** Makes the fault of a value; `wrong` is the end of a sentence. */
export type Fault = (wrong: string) => Error;

/** Replaces %x by the token of that name, and %% by %. Throws `fault` for a token that is not there. */
export const expandTokens = (text: string, tokens: Tokens, fault: Fault): string =>
  text.replace(/%(.?)/gs, (written, name: string) => {
    const value = name === '%' ? '%' : Object.hasOwn(tokens, name) ? tokens[name] : undefined;
    if (value === undefined) throw fault(`the token ${written} is not supported there`);
    return value;
  });

export interface Expansion {
  tokens: Tokens;
  environment: Readonly<Record<string, string | undefined>>;
  home: string | undefined;
}

/** A path, absolute, with no more than ~ in it. Throws `fault`. */
export function expandHome(text: string, home: string | undefined, fault: Fault): string {
  if (/^~[^/]/.test(text)) throw fault('the home directory of another user is not supported');
  if (text.startsWith('~') && home === undefined) throw fault('this user has no home directory');
  return absolute(text.startsWith('~') ? join(home!, text.slice(1)) : text, fault);
}

/** A path, absolute: ~ first, then tokens and variables at once, as ssh does. Throws `fault`. */
export function expandPath(text: string, { tokens, environment, home }: Expansion, fault: Fault): string {
  const path = text.startsWith('~') ? expandHome(text, home, fault) : text;
  const expanded = path
    .split(/(\$\{[^}]*\}?)/)
    .map((part) =>
      part.startsWith('${') ? variable(part, environment, fault) : expandTokens(part, tokens, fault),
    )
    .join('');
  return absolute(expanded, fault);
}

function absolute(path: string, fault: Fault): string {
  if (!path.startsWith('/')) throw fault(`the path ${path} is not absolute`);
  return path;
}

function variable(written: string, environment: Expansion['environment'], fault: Fault): string {
  const name = /^\$\{([A-Za-z0-9_]+)\}$/.exec(written)?.[1];
  const value = name === undefined ? undefined : environment[name];
  if (value === undefined) throw fault(`there is no environment variable ${written}`);
  return value;
}
