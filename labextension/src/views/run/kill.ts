/** Kill, asked for inline: "Kill 4 running tasks? Kill Keep". */
import { button, drawn, h } from './dom';
import { icon } from './icons';
import type { ISay } from './say';

/** Ends an execution; what it resolves to is shown, and an error's message too. */
export type Kill = (id: string) => Promise<string | void>;

export class KillButton {
  readonly node = h('span', { class: 'fb-Buttons fb-Kill', 'aria-live': 'polite' });

  constructor(
    private say: ISay,
    private kill: Kill
  ) {
    this.show();
  }

  /** What would be killed now. */
  update(id: string, running: number): void {
    if (id !== this.id) {
      this.id = id;
      this.show();
    }
    this.running = running;
  }

  private show(): void {
    this.node.replaceChildren(
      button(this.say.__('Kill'), 'small', () => this.ask(), drawn(icon('killed')))
    );
  }

  private ask(): void {
    const { say, running } = this;
    const question = running
      ? say._n('Kill %1 running task?', 'Kill %1 running tasks?', running, running)
      : say.__('Kill this execution?');
    const keep = button(say.__('Keep'), 'small plain', () => this.back());
    this.node.replaceChildren(
      h('span', { class: 'fb-small' }, question),
      button(say.__('Kill'), 'small', () => void this.go()),
      keep
    );
    this.node.onkeydown = event => {
      if (event.key === 'Escape') {
        event.stopPropagation();
        this.back();
      }
    };
    keep.focus();
  }

  private back(): void {
    this.show();
    this.node.querySelector('button')?.focus();
  }

  private async go(): Promise<void> {
    this.tell(this.say.__('Killing…'));
    try {
      const answer = await this.kill(this.id);
      if (answer) {
        this.tell(answer);
      }
    } catch (error) {
      this.tell(error instanceof Error ? error.message : String(error));
      this.node.append(button(this.say.__('Try again'), 'small plain', () => void this.go()));
    }
  }

  private tell(text: string): void {
    this.node.replaceChildren(h('span', { class: 'fb-small fb-quiet', title: text }, text));
  }

  private id = '';
  private running = 0;
}
