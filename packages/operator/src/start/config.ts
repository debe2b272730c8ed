// SPDX-License-Identifier: Apache-2.0
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { hostname } from 'node:os';
import { ROLLBACKS_PER_HOUR } from '../records/rollback-limiter.ts';

/** The configuration of one operator process, read once from flags and environment. */
export interface Config {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  /**
   * The user that the operator impersonates; `false`: none, it acts as the user of the kubeconfig.
   * Default outside a cluster: the shipped service account, if that user may impersonate it.
   */
  readonly as: string | false | undefined;
  readonly namespace: string;
  readonly identity: string;
  readonly webhookHost?: string;
  readonly webhookPort: number;
  /** Host at which the API server calls the webhook; undefined: it uses the Service. */
  readonly webhookUrlHost: string | undefined;
  readonly service: string;
  readonly healthHost?: string;
  readonly healthPort: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly logFormat: 'json' | 'text';
  readonly leaderElection: boolean;
  /** Limit of automatic rollbacks in the whole cluster. */
  readonly rollbacksPerHour: number;
  /** How long the webhook keeps answering after a termination signal. */
  readonly shutdownDelaySeconds: number;
}

const port = (text: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= 65_535) return value;
  throw new InvalidArgumentError('a port is a whole number from 0 to 65535; 0 takes a free one');
};

const seconds = (text: string): number => {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 300) return value;
  throw new InvalidArgumentError('a delay is a number of seconds from 0 to 300');
};

const atLeastZero = (text: string): number => {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError('a number of rollbacks is a whole number from 0');
};

type Env = Readonly<Record<string, string | undefined>>;

/** Reads the configuration. Exits after `--help` or a usage error. */
export function readConfig(argv: readonly string[], env: Env): Config {
  const isInCluster = env['KUBERNETES_SERVICE_HOST'] !== undefined;
  const command = addConnectionOptions(named())
    .option(
      '--namespace <name>',
      'namespace of the operator',
      env['POD_NAMESPACE'] ?? 'altershield-system',
    )
    .option(
      '--identity <name>',
      'name of this replica in leader election',
      env['POD_NAME'] ?? `${hostname()}-${process.pid}`,
    )
    .option(
      '--webhook-host <address>',
      'address the webhook listens on; default: all in a cluster, else 127.0.0.1',
      isInCluster ? undefined : '127.0.0.1',
    )
    .option('--webhook-port <port>', 'port the webhook listens on', port, isInCluster ? 9443 : 0)
    .option(
      '--webhook-url-host <host>',
      'register the webhook by URL with this host name or address instead of its Service',
    )
    .option('--service <name>', 'Service of the webhook', 'altershield-webhook')
    .option(
      '--health-host <address>',
      'address of /healthz, /readyz, /metrics; default: all in a cluster, else 127.0.0.1',
      isInCluster ? undefined : '127.0.0.1',
    )
    .option(
      '--health-port <port>',
      'port of /healthz, /readyz, /metrics',
      port,
      isInCluster ? 8081 : 0,
    )
    .option(
      '--shutdown-delay-seconds <n>',
      'how long the webhook keeps answering after a termination signal',
      seconds,
      0,
    )
    .option(
      '--rollbacks-per-hour <n>',
      'limit of automatic rollbacks in the whole cluster; beyond it, failed changes are suspended',
      atLeastZero,
      ROLLBACKS_PER_HOUR,
    )
    .option('--no-leader-election', 'lead immediately; use only with a single replica');
  addLogOptions(command, isInCluster);
  const options = command.parse([...argv], { from: 'user' }).opts<Config>();
  const urlHost = options.webhookUrlHost ?? (isInCluster ? undefined : '127.0.0.1');
  return Object.freeze({ ...options, webhookUrlHost: urlHost });
}

const named = (): Command =>
  new Command('altershield-operator')
    .description('Makes changes to workloads safe: holds, releases, checks, rolls back, explains.')
    .addArgument(new Argument('[run]', 'run the operator (the only command)').choices(['run']))
    .showHelpAfterError(
      'Hint:  see --help; after `npm run operator`, options need a `--` before them',
    );

const addConnectionOptions = (command: Command): Command =>
  command
    .option(
      '--kubeconfig <file>',
      'kubeconfig; default: $KUBECONFIG, the pod’s own, ~/.kube/config',
    )
    .option('--context <name>', 'context of the kubeconfig')
    .option(
      '--as <user>',
      'impersonate this user; default: with a kubeconfig, the operator’s service account',
    )
    .option('--no-as', 'act as the user of the kubeconfig; its own changes are then not held');

function addLogOptions(command: Command, isInCluster: boolean): void {
  const level = new Option('--log-level <level>').choices([
    'debug',
    'info',
    'warn',
    'error',
    'silent',
  ]);
  const format = new Option('--log-format <format>').choices(['json', 'text']);
  command.addOption(level.default('info')).addOption(format.default(isInCluster ? 'json' : 'text'));
}
