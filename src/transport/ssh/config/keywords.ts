// Every keyword of ssh_config(5) and what twowarm does with it, as data: follows it, does as well without it, or refuses
// it. docs/ssh-config.md is made from this table.

/**
 * 'followed': as ssh does. 'no-effect': without it a connection leads to the same place, trusts nothing that ssh would not
 * trust, and keeps to what it forbids; `why` is a sentence. 'refused': without it that is not so; `why` is the end of "…
 * is not supported: ", and a value that `harmless` matches counts as not written.
 */
export type Treatment =
  | { kind: 'followed'; how?: string }
  | { kind: 'no-effect'; why: string }
  | { kind: 'refused'; why: string; harmless?: RegExp };

const followed = (how?: string): Treatment =>
  how === undefined ? { kind: 'followed' } : { kind: 'followed', how };
const noEffect = (why: string): Treatment => ({ kind: 'no-effect', why });
const refused = (why: string, harmless?: RegExp): Treatment =>
  harmless === undefined ? { kind: 'refused', why } : { kind: 'refused', why, harmless };

const strict = noEffect(
  'A host key that no known_hosts file has is never trusted, and none is written down.',
);
const keysOnly = noEffect('The login is with a key; this method is not tried.');
const noForwarding = noEffect('No ports, agents or displays are forwarded.');
const ownCommand = noEffect("The command and its streams are twowarm's own, as they are scp's.");
const noSharing = noEffect('Each connection is of its own; none is shared with ssh.');
const noPerson = noEffect('Nobody is asked and nothing is shown.');
const noVariables = noEffect('The environment is not sent.');
const ownPings = noEffect('The far side is pinged all the same (ssh.idle_limit).');
const noCertificates = noEffect('Certificates are neither offered nor accepted.');
const old = noEffect('Of old versions of ssh.');
const canonical = noEffect('Only with CanonicalizeHostname, which is refused.');
const none = /^none$/i;
const no = /^(no|false)$/i;

const table: Record<string, Treatment> = {
  Host: followed(),
  Match: followed(
    'all, host, originalhost, user, localuser, canonical and final. A criterion that would have to be looked up (exec and others) is refused where the ones before it match.',
  ),
  Include: followed('within sections too, with * and ?.'),
  IgnoreUnknown: followed(),
  HostName: followed('with %h.'),
  Port: followed('The port of the URL goes first.'),
  User: followed('The user of the URL goes first.'),
  IdentityFile: followed(
    'several, with tokens, ~ and ${…}. ssh.identity_files goes first; for a jump host both count.',
  ),
  IdentitiesOnly: followed('Of an agent only the keys of the identity files are offered.'),
  IdentityAgent: followed('a path, none, SSH_AUTH_SOCK or $NAME. ssh.agent goes first.'),
  UserKnownHostsFile: followed('several, or none. ssh.known_hosts goes first.'),
  GlobalKnownHostsFile: followed('several, or none. ssh.known_hosts goes first.'),
  HostKeyAlias: followed(),
  ProxyJump: followed('one or several hosts, each with its own settings.'),
  AddressFamily: followed(),
  ConnectTimeout: followed('The shorter one of it and ssh.connect_limit.'),
  Ciphers: followed('of those that twowarm has.'),
  MACs: followed('of those that twowarm has.'),
  KexAlgorithms: followed('of those that twowarm has.'),
  HostKeyAlgorithms: followed('of those that twowarm has.'),
  PubkeyAcceptedAlgorithms: followed('Keys of other types are not offered.'),
  RequiredRSASize: followed(),
  PubkeyAuthentication: followed('no is refused: the login is with a key.'),
  PreferredAuthentications: followed('has to name publickey: the login is with a key.'),

  ProxyCommand: refused('twowarm runs no command to get a connection', none),
  CanonicalizeHostname: refused('names are not made canonical', no),
  BindAddress: refused('the system chooses the address to connect from'),
  BindInterface: refused('the system chooses the address to connect from'),
  CertificateFile: refused('certificates are not offered', none),
  PKCS11Provider: refused('keys are read from files and agents', none),
  RevokedHostKeys: refused('revoked keys are known from known_hosts files alone (@revoked)', none),
  RefuseConnection: refused('ssh would refuse the connection, too'),

  StrictHostKeyChecking: strict,
  CheckHostIP: noEffect('Host keys are looked up by name.'),
  VerifyHostKeyDNS: strict,
  NoHostAuthenticationForLocalhost: strict,
  KnownHostsCommand: noEffect('It is not run: a host key that only it knows is not trusted.'),
  UpdateHostKeys: strict,
  HashKnownHosts: strict,
  FingerprintHash: noPerson,
  VisualHostKey: noPerson,
  BatchMode: noPerson,
  NumberOfPasswordPrompts: noPerson,
  EscapeChar: noPerson,
  EnableEscapeCommandline: noPerson,
  LogLevel: noPerson,
  LogVerbose: noPerson,
  SyslogFacility: noPerson,
  WarnWeakCrypto: noPerson,
  PasswordAuthentication: keysOnly,
  KbdInteractiveAuthentication: keysOnly,
  KbdInteractiveDevices: keysOnly,
  ChallengeResponseAuthentication: keysOnly,
  SKeyAuthentication: keysOnly,
  TISAuthentication: keysOnly,
  HostbasedAuthentication: keysOnly,
  HostbasedAcceptedAlgorithms: keysOnly,
  HostbasedKeyTypes: keysOnly,
  EnableSSHKeysign: keysOnly,
  GSSAPIAuthentication: keysOnly,
  GSSAPIClientIdentity: keysOnly,
  GSSAPIDelegateCredentials: keysOnly,
  GSSAPIKexAlgorithms: keysOnly,
  GSSAPIKeyExchange: keysOnly,
  GSSAPIRenewalForcesRekey: keysOnly,
  GSSAPIServerIdentity: keysOnly,
  GSSAPITrustDns: keysOnly,
  CASignatureAlgorithms: noCertificates,
  SecurityKeyProvider: noEffect('Hardware keys, which somebody must touch, are not used.'),
  AddKeysToAgent: noEffect('Nothing is added to an agent.'),
  ClearAllForwardings: noForwarding,
  DynamicForward: noForwarding,
  LocalForward: noForwarding,
  RemoteForward: noForwarding,
  ExitOnForwardFailure: noForwarding,
  ForwardAgent: noForwarding,
  ForwardX11: noForwarding,
  ForwardX11Timeout: noForwarding,
  ForwardX11Trusted: noForwarding,
  XAuthLocation: noForwarding,
  GatewayPorts: noForwarding,
  PermitRemoteOpen: noForwarding,
  StreamLocalBindMask: noForwarding,
  StreamLocalBindUnlink: noForwarding,
  Tunnel: noForwarding,
  TunnelDevice: noForwarding,
  LocalCommand: ownCommand,
  PermitLocalCommand: ownCommand,
  RemoteCommand: ownCommand,
  RequestTTY: ownCommand,
  SessionType: ownCommand,
  StdinNull: ownCommand,
  ForkAfterAuthentication: ownCommand,
  ControlMaster: noSharing,
  ControlPath: noSharing,
  ControlPersist: noSharing,
  SendEnv: noVariables,
  SetEnv: noVariables,
  ServerAliveCountMax: ownPings,
  ServerAliveInterval: ownPings,
  ProtocolKeepAlives: ownPings,
  SetupTimeOut: ownPings,
  TCPKeepAlive: ownPings,
  KeepAlive: ownPings,
  ChannelTimeout: ownPings,
  Compression: noEffect('What travels is compressed already.'),
  ConnectionAttempts: noEffect('PostgreSQL, or the relay, tries again.'),
  IPQoS: noEffect("The system's default is used."),
  ObscureKeystrokeTiming: noEffect('Nobody types.'),
  ProxyUseFdpass: noEffect('Only with ProxyCommand, which is refused.'),
  RekeyLimit: noEffect('The far side asks for new session keys when it wants them.'),
  Tag: noEffect('Only for Match tagged, which is refused.'),
  VersionAddendum: noEffect('It is a remark.'),
  CanonicalDomains: canonical,
  CanonicalizeFallbackLocal: canonical,
  CanonicalizeMaxDots: canonical,
  CanonicalizePermittedCNAMEs: canonical,
  Protocol: old,
  Cipher: old,
  FallBackToRsh: old,
  GlobalKnownHostsFile2: old,
  RhostsAuthentication: old,
  UserKnownHostsFile2: old,
  UseRoaming: old,
  UseRsh: old,
  UsePrivilegedPort: old,
  AFSTokenPassing: old,
  KerberosAuthentication: old,
  KerberosTGTPassing: old,
  RSAAuthentication: old,
  RhostsRSAAuthentication: old,
  CompressionLevel: old,
};

/** Other names that ssh knows for the same keyword. */
const aliases: Record<string, string> = {
  identityfile2: 'identityfile',
  dsaauthentication: 'pubkeyauthentication',
  pubkeyacceptedkeytypes: 'pubkeyacceptedalgorithms',
  smartcarddevice: 'pkcs11provider',
};

/** By the keyword as ssh_config(5) writes it. */
export const keywords: Readonly<Record<string, Treatment>> = table;

const byLowerCase = new Map(
  Object.entries(table).map(([name, treatment]) => [name.toLowerCase(), { name, treatment }]),
);

/** What ssh calls it in lower case, however it is written. */
export const plainKeyword = (keyword: string): string =>
  Object.hasOwn(aliases, keyword) ? aliases[keyword]! : keyword;

/** Undefined for a keyword that nobody knows; `keyword` in lower case. */
export const treatmentOf = (keyword: string): { name: string; treatment: Treatment } | undefined =>
  byLowerCase.get(plainKeyword(keyword));
