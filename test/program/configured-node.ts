// A node as far as its settings go: a data directory, a home beside it, a twowarm.toml in that.
import { join } from 'node:path';
import { findPlace, type Call } from '../../src/program/home.ts';
import { readSettings } from '../../src/program/settings/read.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';

export interface ConfiguredNode extends AsyncDisposable {
  sandbox: Sandbox;
  dataDirectory: string;
  home: string;
  /** The configuration file. */
  file: string;
  /** A call as PostgreSQL makes it: in the data directory, with an environment that says nothing. */
  call: Call;
  /** Replaces the configuration file. */
  configure: (toml: string) => void;
  read: () => ReturnType<typeof readSettings>;
}

/** `DATA` in the text stands for the data directory. */
export function configuredNode(toml = "[node]\ndata_directory = 'DATA'\n"): ConfiguredNode {
  const sandbox = makeSandbox('settings');
  const dataDirectory = sandbox.directory('data');
  const home = sandbox.directory('twowarm');
  sandbox.directory('twowarm/state');
  sandbox.file('data/PG_VERSION', '15\n');
  const call: Call = { environment: {}, workingDirectory: dataDirectory };
  const configure = (text: string): void => {
    sandbox.file('twowarm/twowarm.toml', text.replaceAll('DATA', dataDirectory));
  };
  configure(toml);
  return {
    sandbox,
    dataDirectory,
    home,
    file: join(home, 'twowarm.toml'),
    call,
    configure,
    read: () => readSettings(findPlace(call)),
    [Symbol.asyncDispose]: () => sandbox.dispose(),
  };
}
