import type { Frame, FrameRun, OtherWires, RunBytes } from '../../ports/transport.ts';
import type { ChannelRef, OutboundFrame } from './frame.ts';

/**
 * The frames owed to connections during one turn, as a trie: connections that are owed the same frames in the same
 * order stand on the same node and share one concatenation. Frames are told apart by identity, never by content.
 * The trie lives one turn; `RunNode.root()` begins the next.
 */
export class RunNode implements FrameRun {
  readonly parent: RunNode | null;
  readonly frame: OutboundFrame | null;
  readonly length: number;
  /** UTF-16 units of its frames. */
  readonly units: number;
  wire: RunBytes | undefined;
  others: OtherWires<RunBytes> | undefined;
  // One child is the rule (everyone follows the same path), so it is kept without a map.
  #onlyChild: RunNode | null;
  #children: Map<OutboundFrame, RunNode> | null;
  // Asked for once by all that are written to, but by each of those that do not read.
  #frames: readonly OutboundFrame[] | null;

  private constructor(parent: RunNode | null, frame: OutboundFrame | null) {
    this.parent = parent;
    this.frame = frame;
    this.length = parent === null ? 0 : parent.length + 1;
    this.units = parent === null || frame === null ? 0 : parent.units + frame.text.length;
    this.wire = undefined;
    this.others = undefined;
    this.#onlyChild = null;
    this.#children = null;
    this.#frames = null;
  }

  static root(): RunNode {
    return new RunNode(null, null);
  }

  /** The node that is this run followed by `frame`. */
  append(frame: OutboundFrame): RunNode {
    const only = this.#onlyChild;
    if (only === null) return (this.#onlyChild = new RunNode(this, frame));
    if (only.frame === frame) return only;
    let children = this.#children;
    if (children === null) children = this.#children = new Map();
    let child = children.get(frame);
    if (child === undefined) {
      child = new RunNode(this, frame);
      children.set(frame, child);
    }
    return child;
  }

  /** The node that is this run without the frames of a channel; null: nothing is left. */
  without(channel: ChannelRef): RunNode | null {
    let root: RunNode = this;
    while (root.parent !== null) root = root.parent;
    let run = root;
    for (const frame of this.frames())
      if (frame.kind !== 'channel' || frame.channel !== channel) run = run.append(frame);
    return run === root ? null : run;
  }

  frames(): readonly OutboundFrame[] {
    return (this.#frames ??= this.#collect());
  }

  #collect(): readonly OutboundFrame[] {
    const frames: OutboundFrame[] = Array.from({ length: this.length });
    let node: RunNode = this;
    for (let i = this.length - 1; i >= 0; i--) {
      frames[i] = node.frame as OutboundFrame;
      node = node.parent as RunNode;
    }
    return frames;
  }
}

/** A run that nobody shares: what a slow connection is owed once it reads again. */
export function runOf(frames: readonly Frame[]): FrameRun {
  return { length: frames.length, frames: () => frames, wire: undefined, others: undefined };
}
