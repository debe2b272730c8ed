// SPDX-License-Identifier: Apache-2.0
import type { ChangePicture, Picture } from './picture.ts';
import { panel } from './panel.ts';
import { clock, cut, paint, piece, widthOf, wrap, type Line } from './text.ts';
import type { Output } from './output.ts';

/** Shows the story; `watch` gives it eyes, `close` leaves the terminal as it was. */
export interface View extends Output {
  watch(look: () => Picture, onChange: (changed: () => void) => void): void;
  /** Takes the panel away; nothing is shown from now on. */
  close(): void;
}

/** What a view writes to. */
export interface Screen {
  write(text: string): void;
  /** Its size now; the width is what may be filled. */
  size(): { readonly columns: number; readonly rows: number };
  onResize(run: () => void): void;
}

const HIDE_CURSOR = '\u001B[?25l';
const SHOW_CURSOR = '\u001B[?25h';
const CLEAR_BELOW = '\r\u001B[J';
const FRAME_MS = 80;
const MAX_TEXT = 100;

/** Narration scrolls, a small panel below it is redrawn. */
export class TerminalView implements View {
  readonly #screen: Screen;
  #look: (() => Picture) | undefined;
  #drawn: readonly number[] = [];
  #frame: NodeJS.Timeout | undefined;
  #clock: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  watch(look: () => Picture, onChange: (changed: () => void) => void): void {
    this.#look = look;
    this.#screen.write(HIDE_CURSOR);
    onChange(this.#changed);
    this.#screen.onResize(this.#draw);
    this.#clock = setInterval(this.#draw, 500).unref();
    this.#draw();
  }

  chapter(title: string): void {
    this.#narrate(['', paint(piece(title, 'strong'))]);
  }

  announce(text: string): void {
    this.#paragraph([piece('  ')], text);
  }

  fact(text: string): void {
    this.#paragraph([piece('  ✔ ', 'good')], text);
  }

  quote(text: string): void {
    this.#narrate(text.split('\n').map((line) => `      ${paint(piece(line, 'busy'))}`));
  }

  show(text: string): void {
    this.#narrate(['', ...text.split('\n'), '']);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#clock);
    clearTimeout(this.#frame);
    if (this.#look !== undefined) this.#screen.write(`${this.#erase()}${SHOW_CURSOR}`);
  }

  #paragraph(mark: Line, text: string): void {
    const indent = widthOf(mark);
    const width = Math.min(MAX_TEXT, this.#screen.size().columns) - indent;
    const lines = wrap(text, width);
    this.#narrate(
      lines.map((line, index) => `${index === 0 ? painted(mark) : ' '.repeat(indent)}${line}`),
    );
  }

  #narrate(lines: readonly string[]): void {
    if (this.#isClosed) return;
    const text = lines.map((line) => `${line}\n`).join('');
    this.#screen.write(`${this.#erase()}${text}${this.#panel()}`);
  }

  /** At most one redraw per frame, however much happens. */
  readonly #changed = (): void => {
    this.#frame ??= setTimeout(this.#draw, FRAME_MS);
  };

  readonly #draw = (): void => {
    clearTimeout(this.#frame);
    this.#frame = undefined;
    if (this.#isClosed) return;
    this.#screen.write(`${this.#erase()}${this.#panel()}`);
  };

  /** Takes the panel away, also when the terminal has become narrower since and has wrapped it. */
  #erase(): string {
    const { columns } = this.#screen.size();
    const rows = this.#drawn.reduce(
      (sum, width) => sum + Math.max(1, Math.ceil(width / columns)),
      0,
    );
    this.#drawn = [];
    return rows === 0 ? '' : `\u001B[${rows}A${CLEAR_BELOW}`;
  }

  #panel(): string {
    if (this.#look === undefined) return '';
    const { columns, rows } = this.#screen.size();
    const lines = panel(this.#look(), columns - 1).slice(0, Math.max(0, rows - 2));
    this.#drawn = lines.map(widthOf);
    return lines.map((line) => `${painted(line)}\n`).join('');
  }
}

const painted = (line: Line): string => line.map(paint).join('');

const QUIET_MS = 5000;

/** The same as lines, for files and pipes: no colours, nothing is redrawn. */
export class PlainView implements View {
  readonly #write: (text: string) => void;
  #isClosed = false;
  #events = 0;
  #last = '';
  #lastAt = 0;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  watch(look: () => Picture, onChange: (changed: () => void) => void): void {
    onChange(() => {
      if (!this.#isClosed) this.#report(look());
    });
    this.#report(look());
  }

  chapter(title: string): void {
    this.#line(`\n${title}`);
  }

  announce(text: string): void {
    this.#line(`  ${text}`);
  }

  fact(text: string): void {
    this.#line(`  ✔ ${text}`);
  }

  quote(text: string): void {
    for (const line of text.split('\n')) this.#line(`      ${line}`);
  }

  show(text: string): void {
    this.#line(`\n${text}\n`);
  }

  close(): void {
    this.#isClosed = true;
  }

  /** Whatever moved on; numbers of pods alone at most every few seconds. */
  #report(picture: Picture): void {
    const { change, elapsedMs, happenings } = picture;
    for (const { at, reason, message } of happenings.slice(this.#events)) {
      this.#line(
        `    ${clock(at)}  event ${reason}: ${cut([piece(message)], MAX_TEXT)
          .map(({ text }) => text)
          .join('')}`,
      );
    }
    this.#events = happenings.length;
    const cluster = change === undefined ? '-' : `${change.to} ${milestone(change)}`;
    if (cluster === this.#last && elapsedMs - this.#lastAt < QUIET_MS) return;
    this.#last = cluster;
    this.#lastAt = elapsedMs;
    this.#line(`    ${clock(elapsedMs)}  ${summary(picture)}`);
  }

  #line(text: string): void {
    if (!this.#isClosed) this.#write(`${text}\n`);
  }
}

/** The short moments before the first batch and between two of them are no news. */
const milestone = ({ phase, batch }: ChangePicture): string =>
  phase === 'Init' || phase === 'Running' ? `batch ${batch}` : phase;

/** `change #2 1.1 → 1.2 Running, batch 1 of 3; pods: 1.1 ●×9, 1.2 ◌×1`. */
function summary({ change, targets, tags, pods }: Picture): string {
  const where =
    change === undefined
      ? ''
      : `change #${change.sequence} ${change.from} → ${change.to} ${change.phase}, batch ${change.batch} of ${targets.length}; `;
  const counts = tags.flatMap((tag) =>
    (['ready', 'starting', 'bad'] as const).map((health) => {
      const count = pods.filter((pod) => pod.tag === tag && pod.health === health).length;
      return count === 0 ? '' : `${tag} ${SIGNS[health]}×${count}`;
    }),
  );
  return `${where}pods: ${counts.filter((text) => text !== '').join(', ') || 'none'}`;
}

const SIGNS = { ready: '●', starting: '◌', bad: '✖' } as const;
