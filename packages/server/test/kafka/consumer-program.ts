import { writeSync } from 'node:fs';
import { createKafkaSource } from '../../src/adapters/kafka/kafka-source.ts';
import type { SourceEvent, Verdict } from '../../src/ports/source.ts';
import type { ConsumerOrders } from './consumer-process.ts';
import { optionsFor, quickTiming } from './kafka-kit.ts';
import { applied, textOf } from './literal-intake.ts';

const { withholdEvery, ...settings } = JSON.parse(process.argv[2] ?? '') as ConsumerOrders;

// At once, past every buffer: a line that was said was said, whatever kills this process.
const say = (what: string, { lane, place }: SourceEvent, text: string): void =>
  void writeSync(1, `${what} ${lane} ${place.slice(place.lastIndexOf('@') + 1)} ${text}\n`);

let brought = 0;
await createKafkaSource(optionsFor(settings, settings), quickTiming).start({
  take(event): Promise<Verdict> {
    const text = textOf(event);
    say('brought', event, text);
    if (withholdEvery > 0 && ++brought % withholdEvery === 0) return new Promise(() => undefined);
    say('done', event, text);
    return Promise.resolve(applied);
  },
});
