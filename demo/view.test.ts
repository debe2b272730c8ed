// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Health, PodSight } from './observer.ts';
import { panel } from './panel.ts';
import type { Picture } from './picture.ts';
import { widthOf, wrap } from './text.ts';
import { TerminalView, type Screen } from './view.ts';

const pod = (tag: string, health: Health, uid: number): PodSight => ({
  ...{ tag, health, createdAt: uid },
  uid: String(uid),
});

const PICTURE: Picture = {
  ...{ elapsedMs: 65_000, badEver: 1, replicas: 10, targets: [1, 3, 10], tags: ['1.0', 'bad-1'] },
  pods: [
    ...Array.from({ length: 9 }, (_, uid) => pod('1.0', 'ready', uid)),
    pod('bad-1', 'bad', 10),
    pod('1.0', 'starting', 11),
  ],
  change: {
    ...{ sequence: 2, from: '1.0', to: 'bad-1', actor: 'alice', phase: 'RollingBack' },
    ...{ verdict: 'Fail', batch: 1, message: 'an image that nobody can pull '.repeat(9) },
  },
  happenings: [{ at: 0, reason: 'ChangeStarted', message: 'long '.repeat(50), isWarning: false }],
};

const textOf = (picture: Picture, columns: number): string[] =>
  panel(picture, columns).map((line) => line.map(({ text }) => text).join(''));

test('the panel has at most twelve lines, none wider than the terminal', () => {
  for (const columns of [20, 40, 79, 119]) {
    const lines = panel(PICTURE, columns);
    assert.ok(lines.length <= 12, `${lines.length} lines`);
    for (const line of lines) assert.ok(widthOf(line) <= columns);
  }
});

test('the panel shows each pod, the batch and the verdict', () => {
  const text = textOf(PICTURE, 100).join('\n');
  assert.match(text, /9 of 10 ready · bad pods ever: 1 · 01:05/);
  assert.match(text, /● ● ● ● ● ● ● ● ● {3}✖/);
  assert.match(text, /■ │ □ □ │ □ □ □ □ □ □ □ {2}batch 1 of 3 is being taken back/);
  assert.match(text, /RollingBack {3}verdict Fail/);
});

test('text wraps between words', () => {
  assert.deepEqual(wrap('one two three', 7), ['one two', 'three']);
  assert.deepEqual(wrap('incomprehensible', 7), ['incomprehensible']);
});

/** As much of a terminal as the view needs: lines, a cursor that moves up, clearing below it. */
class FakeTerminal implements Screen {
  lines: string[] = [''];
  cursorIsShown = true;
  columns = 80;

  write(text: string): void {
    for (const [token, up] of text.matchAll(/\u001B\[(\d+)A|\u001B\[[?\d]*[a-zA-Z]|[^\u001B]/g)) {
      if (up !== undefined) this.lines = [...this.lines.slice(0, -1 - Number(up)), ''];
      else if (token === '\u001B[?25l') this.cursorIsShown = false;
      else if (token === '\u001B[?25h') this.cursorIsShown = true;
      else if (token === '\n') this.lines.push('');
      else if (!token.startsWith('\u001B') && token !== '\r')
        this.lines.push((this.lines.pop() ?? '') + token);
    }
  }

  size() {
    return { columns: this.columns, rows: 24 };
  }

  onResize(): void {
    // Its size never changes by itself.
  }
}

test('narration scrolls above the panel, which leaves no trace when it is closed', (t) => {
  const terminal = new FakeTerminal();
  const view = new TerminalView(terminal);
  t.after(() => {
    view.close();
  });
  view.watch(
    () => PICTURE,
    () => undefined,
  );
  assert.equal(terminal.cursorIsShown, false);
  view.announce('first');
  view.fact('second');
  assert.deepEqual(terminal.lines.slice(0, 2), ['  first', '  ✔ second']);
  assert.match(terminal.lines[2] ?? '', /deploy\/checkout/);
  view.close();
  assert.deepEqual(terminal.lines, ['  first', '  ✔ second', '']);
  assert.equal(terminal.cursorIsShown, true);
  view.announce('too late');
  assert.equal(terminal.lines.length, 3);
});
