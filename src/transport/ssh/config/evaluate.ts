// What the files of ssh_config say for one host: sections that mean it, files that they include, the first value of each
// keyword. What the values mean is host-settings.ts.
import { join } from 'node:path';
import { ProgramError } from '../../../program/program-error.ts';
import { matchList } from '../host-pattern.ts';
import type { Place } from '../known-hosts.ts';
import { notSupported, unknownKeyword, wrongLine } from './config-faults.ts';
import { plainKeyword, treatmentOf } from './keywords.ts';
import { readLines, type ConfigLine } from './lines.ts';
import { matchesCriteria, matchesHost } from './match-line.ts';
import { expandWildcards, readConfigFile } from './read-files.ts';
import type { ConfigSource } from './sources.ts';
import { expandTokens } from './tokens.ts';

/** What a line says, and where it stands. */
export interface Said {
  words: readonly string[];
  at: Place;
}

/** What is known before the files are read, and goes before what they say. */
export interface Asked {
  /** As it is written in the URL, capitals included. */
  host: string;
  user: string | undefined;
  port: number | undefined;
  /** The way there is known: neither ProxyJump nor ProxyCommand counts. */
  hasJump: boolean;
}

export interface Account {
  name: string;
  home: string | undefined;
}

export interface Evaluated {
  /** The first value of each keyword in lower case; ProxyJump and ProxyCommand compete for 'proxyjump'. */
  said: ReadonlyMap<string, Said & { name: string }>;
  /** Of every line that means the host. */
  identityFiles: readonly Said[];
  /** Where to connect, in lower case. */
  hostName: string;
}

/** How deep files may include each other, as in ssh. */
const deepest = 16;

/** Throws `settings` and `not-built` for lines that mean this host, or may, and cannot be followed; and faults of reading. */
export function evaluate(asked: Asked, sources: readonly ConfigSource[], account: Account): Evaluated {
  return new Evaluation(asked, account).run(sources);
}

class Evaluation {
  private readonly said = new Map<string, Said & { name: string }>();
  private readonly identityFiles: Said[] = [];
  private readonly asked: Asked;
  private readonly account: Account;
  private wantsFinal = false;
  /** Set in the final pass: the host that stands for the one of the URL by then. */
  private resolved: string | undefined;

  constructor(asked: Asked, account: Account) {
    this.asked = asked;
    this.account = account;
  }

  run(sources: readonly ConfigSource[]): Evaluated {
    this.pass(sources);
    const hostName = this.hostName().toLowerCase();
    if (this.wantsFinal) {
      this.resolved = hostName;
      this.pass(sources);
    }
    return { said: this.said, identityFiles: this.identityFiles, hostName };
  }

  private pass(sources: readonly ConfigSource[]): void {
    for (const source of sources) {
      const text = readConfigFile(source.path);
      if (text !== undefined) this.file(source, text, { isActive: true, mayMatch: true, depth: 0 });
      else if (source.mustBeThere)
        throw new ProgramError(
          'settings',
          `could not read the ssh configuration ${source.path}: it does not exist`,
          {
            hint: 'ssh.config_file of twowarm.toml names it.',
          },
        );
    }
  }

  /** `mayMatch` is false within a section that does not mean the host: there nothing does. */
  private file(
    source: ConfigSource,
    text: string,
    { isActive, mayMatch, depth }: { isActive: boolean; mayMatch: boolean; depth: number },
  ): void {
    for (const line of readLines(text)) {
      const at = { file: source.path, line: line.line };
      if (line.keyword === 'host' || line.keyword === 'match') {
        isActive = this.section(line, at, mayMatch);
      } else if (line.keyword === 'include') this.include(source, line, at, { isActive, depth });
      else if (isActive) this.take(line, at);
    }
  }

  private section(line: ConfigLine, at: Place, mayMatch: boolean): boolean {
    // Nothing here means the host, and yet ssh hears the wish for a final pass.
    if (!mayMatch)
      this.wantsFinal ||= line.keyword === 'match' && line.arguments.some((word) => /^!?final$/i.test(word));
    if (!mayMatch) return false;
    const words = this.wordsOf(line, at);
    if (line.keyword === 'host') return matchesHost(words, this.resolved ?? this.asked.host);
    const { matches, wantsFinal } = matchesCriteria(
      words,
      {
        host: this.resolved ?? this.asked.host,
        originalHost: this.asked.host,
        hostName: this.hostName(),
        user: this.asked.user ?? this.said.get('user')?.words[0] ?? this.account.name,
        localUser: this.account.name,
        isFinalPass: this.resolved !== undefined,
      },
      at,
    );
    this.wantsFinal ||= wantsFinal;
    return matches;
  }

  private include(
    source: ConfigSource,
    line: ConfigLine,
    at: Place,
    { isActive, depth }: { isActive: boolean; depth: number },
  ): void {
    if (depth === deepest) throw wrongLine(at, 'too many files include each other', this.asked.host);
    for (const word of this.wordsOf(line, at)) {
      for (const path of expandWildcards(this.includedPath(source, word, at))) {
        const text = readConfigFile(path);
        if (text === undefined) continue;
        this.file({ ...source, path }, text, { isActive, mayMatch: isActive, depth: depth + 1 });
      }
    }
  }

  private includedPath({ isUsers }: ConfigSource, word: string, at: Place): string {
    const { home } = this.account;
    if (/[[\]{}]/.test(word) || /^~[^/]/.test(word) || (word.startsWith('~') && !isUsers))
      throw notSupported(
        `Include ${word}`,
        'write an absolute path, one in ~/ or one in ~/.ssh, with * and ?',
        {
          at,
          host: this.asked.host,
          cure: 'Write the path so.',
        },
      );
    if (word.startsWith('/')) return word;
    if (!isUsers) return join('/etc/ssh', word);
    if (home === undefined) throw wrongLine(at, 'this user has no home directory', this.asked.host);
    return word.startsWith('~') ? join(home, word.slice(1)) : join(home, '.ssh', word);
  }

  private take(line: ConfigLine, at: Place): void {
    const known = treatmentOf(line.keyword);
    if (known === undefined) {
      const ignored = this.said.get('ignoreunknown')?.words[0] ?? '';
      if (matchList(ignored.toLowerCase(), line.keyword)) return;
      throw unknownKeyword(line.written, at, this.asked.host);
    }
    const keyword = plainKeyword(line.keyword);
    if (known.treatment.kind === 'no-effect') return;
    // Whichever of the two comes first counts.
    const slot = keyword === 'proxycommand' ? 'proxyjump' : keyword;
    if (slot !== 'identityfile' && this.said.has(slot)) return;
    if (slot === 'proxyjump' && this.asked.hasJump) return;
    // How a value is written that is not followed makes no difference.
    const words =
      known.treatment.kind === 'refused' ? (line.fault ? [''] : line.arguments) : this.wordsOf(line, at);
    // To ssh that is as if it were not written: a later line counts.
    if (slot === 'connecttimeout' && words[0] === 'none') return;
    if (slot !== 'identityfile') this.said.set(slot, { words, at, name: known.name });
    else if (!this.identityFiles.some((each) => each.words[0] === words[0]))
      this.identityFiles.push({ words, at });
  }

  private wordsOf(line: ConfigLine, at: Place): readonly string[] {
    if (line.fault !== undefined) throw wrongLine(at, `${line.written} ${line.fault}`, this.asked.host);
    return line.arguments;
  }

  private hostName(): string {
    if (this.resolved !== undefined) return this.resolved;
    const said = this.said.get('hostname');
    if (said === undefined) return this.asked.host;
    return expandTokens(said.words[0]!, { h: this.asked.host }, (wrong) =>
      wrongLine(said.at, wrong, this.asked.host),
    );
  }
}
