/** What the help of `synkti tasks` and of its subcommands ends with. */
const examples = (lines: readonly string[], codes: string): string =>
  `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}\n\nExit code: ${codes}`;

export const EXAMPLES = {
  tasks: examples(
    [
      'synkti tasks --cluster training --state waiting,running',
      'synkti tasks show train-7 --cluster training',
      'synkti tasks follow --cluster training && echo all done',
      'synkti tasks retry train-7 --from-start --cluster training',
    ],
    '0 when it is done, 1 when it failed, 2 when the command line is wrong; those of its subcommands are in their help.',
  ),
  list: examples(
    [
      'synkti tasks list --cluster training --state failed,cancelled',
      `synkti tasks list --cluster training --json | jq -r '.tasks[] | select(.state == "failed") | .id'`,
    ],
    '0 when it could look, whatever it saw, 2 when the command line is wrong.',
  ),
  show: examples(
    [
      'synkti tasks show train-7 --cluster training   where it ran, what was redone, what it cost',
      'synkti tasks show train-7 --cluster training --json | jq .costUsd',
    ],
    '0 when it could look, 2 when there is no such task.',
  ),
  follow: examples(
    [
      'synkti tasks follow --cluster training && echo all done   all that are open now',
      'synkti tasks follow train-7 train-8 --cluster training --interval 30s',
    ],
    '0 when all are done, 1 when one failed or was cancelled, 2 when there is no such task, 130 after Ctrl-C.',
  ),
  cancel: examples(
    ['synkti tasks cancel train-7 train-8 --cluster training'],
    '0 when all are cancelled, 1 when one had ended already, 2 when there is no such task. Undo: synkti tasks retry.',
  ),
  retry: examples(
    [
      'synkti tasks retry train-7 --cluster training                from its last checkpoint',
      'synkti tasks retry train-7 train-8 --from-start --cluster training',
    ],
    '0 when they are in the queue again, 1 when AWS failed, 2 when there is no such task, or it has not ended.',
  ),
  logs: examples(
    [
      'synkti tasks logs train-7 --cluster training              of its last execution',
      'synkti tasks logs train-7 --cluster training --fence 3    of an earlier one, as show tells them',
      'synkti tasks logs train-7 --cluster training --json | jq -r .text',
    ],
    '0 when there is a log, or none yet, 2 when there is no such task or execution.',
  ),
  clean: examples(
    [
      'synkti tasks clean --cluster training --dry-run          what would go',
      'synkti tasks clean --cluster training --older-than 7d',
    ],
    '0 when it is done, 2 when the command line is wrong. What is removed is gone: retry begins from nothing then.',
  ),
} as const;
