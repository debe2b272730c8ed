#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import { isatty } from 'node:tty';
import { basename } from 'node:path';
import { realScheduler } from '@altershield/kube';
import type { CommandContext } from './cli.ts';
import { connect } from './connect.ts';
import { run } from './run.ts';

const { argv, env, stdout, stderr } = process;

const isSet = (name: string): boolean => (env[name] ?? '') !== '';
// Not `stdout.isTTY`: that is absent for a pipe, and an absent answer means "guess" to colour libraries.
const isTerminal = isatty(1);

const cli: CommandContext = {
  io: {
    out: (text) => {
      stdout.write(`${text}\n`);
    },
    err: (text) => {
      stderr.write(`${text}\n`);
    },
    colors: isTerminal && !isSet('NO_COLOR') && env['TERM'] !== 'dumb',
    columns: isTerminal ? stdout.columns : undefined,
  },
  scheduler: realScheduler,
  connect: (globals) => connect(globals, { env, scheduler: realScheduler }),
};

// `altershield get | head` ends when the reader has enough.
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const isPlugin = basename(argv[1] ?? '').startsWith('kubectl-');
process.exitCode = await run(cli, argv.slice(2), isPlugin ? 'kubectl altershield' : 'altershield');
