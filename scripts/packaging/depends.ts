// From the symbols that the carried Node.js wants to Debian's packages with their versions.
import { elfNeeds } from './elf-needs.ts';

/** Which release of GCC brought which version of libstdc++'s symbols (its manual, "ABI Policy and Guidelines"). */
const gccReleases: Readonly<Record<string, string>> = {
  'GLIBCXX_3.4.21': '5',
  'GLIBCXX_3.4.22': '6',
  'GLIBCXX_3.4.23': '7',
  'GLIBCXX_3.4.24': '7.2',
  'GLIBCXX_3.4.25': '8',
  'GLIBCXX_3.4.26': '9',
  'GLIBCXX_3.4.27': '9.2',
  'GLIBCXX_3.4.28': '9.3',
  'GLIBCXX_3.4.29': '11',
  'GLIBCXX_3.4.30': '12',
  'GLIBCXX_3.4.31': '13',
  'GLIBCXX_3.4.32': '13.2',
  'GLIBCXX_3.4.33': '14',
  'CXXABI_1.3.9': '5',
  'CXXABI_1.3.10': '6',
  'CXXABI_1.3.11': '7',
  'CXXABI_1.3.12': '9',
  'CXXABI_1.3.13': '11',
  'CXXABI_1.3.14': '13',
  'CXXABI_1.3.15': '14',
};
/** What every libstdc++ of the last ten years has. */
const old = /^(GLIBCXX_3\.4(\.1?\d|\.20)?|CXXABI_1\.3(\.[0-8])?)$/;

function gccOf(symbols: string): string {
  const release = old.test(symbols) ? '5' : gccReleases[symbols];
  if (release === undefined)
    throw new Error(`scripts/packaging/depends.ts does not know the release of ${symbols}`);
  return release;
}

/** 'GLIBC_2.28' → '2.28' */
const number = (symbols: string): string => symbols.slice(symbols.indexOf('_') + 1);

const packages: readonly { libraries: RegExp; name: string; release: (symbols: string) => string }[] = [
  {
    libraries: /^(lib(c|m|dl|rt|pthread)\.so\.\d|ld-linux-[a-z0-9-]+\.so\.\d)$/,
    name: 'libc6',
    release: number,
  },
  { libraries: /^libgcc_s\.so\.1$/, name: 'libgcc-s1', release: number },
  { libraries: /^libstdc\+\+\.so\.6$/, name: 'libstdc++6', release: gccOf },
  { libraries: /^libatomic\.so\.1$/, name: 'libatomic1', release: () => '4.8' },
];

const later = (a: string, b: string): string => (a.localeCompare(b, 'en', { numeric: true }) >= 0 ? a : b);

/** Depends for a program: 'libc6 (>= 2.28), libgcc-s1 (>= 3.4), …'. Throws for a library that no package is known of. */
export function dependsOf(program: string): string {
  const wanted = new Map<string, string>();
  for (const [library, symbols] of elfNeeds(program)) {
    const found = packages.find(({ libraries }) => libraries.test(library));
    if (found === undefined)
      throw new Error(`scripts/packaging/depends.ts does not know the package of ${library}`);
    const releases = symbols.map(found.release);
    wanted.set(found.name, [wanted.get(found.name) ?? '0', ...releases].reduce(later));
  }
  const written = [...wanted].map(([name, release]) => (release === '0' ? name : `${name} (>= ${release})`));
  return written.sort().join(', ');
}
