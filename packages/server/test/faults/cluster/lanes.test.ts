import { afterEach, expect, it } from 'vitest';
import { type BareClient, type Wire, connectBare } from '../../wire/scene/bare-client.ts';
import { type ClusterScene, openClusterScene } from './cluster-scene.ts';
import { ROOMS_CONFIG } from './commute.ts';

let scene: ClusterScene;
afterEach(() => scene.close());

const SENT = 80;

async function reply(client: BareClient, frame: string): Promise<Wire> {
  const from = client.received.length;
  client.send(frame);
  return client.waitFor(
    `an answer to ${frame}`,
    (message) => message['i'] === 7 && client.received.indexOf(message) >= from,
  );
}

it('[PUB7] a node killed before it answered: what is sent again to another node is there once', async () => {
  scene = await openClusterScene({
    nodes: 2,
    configModule: ROOMS_CONFIG,
    settings: {
      CARILLON_LIMITS_MESSAGE_BURST: '10000',
      CARILLON_LIMITS_PUBLICATIONS_IN_FLIGHT: '1000',
    },
  });
  const [dying, other] = scene.nodes;
  const client = await connectBare(dying!.port);
  await client.logIn('ann');
  const frame = (n: number) => `{"t":"pub","i":7,"c":"room:1","q":"tab","n":${n},"d":${n}}`;
  const { e } = await reply(client, frame(1));
  for (let n = 2; n <= SENT; n++) client.send(frame(n));
  await client.waitFor('some answers', ({ o }) => o === 5);
  await dying!.end('SIGKILL');
  await client.closed;

  const again = await connectBare(other!.port);
  await again.logIn('ann');
  const answers: Wire[] = [];
  for (let n = 1; n <= SENT; n++) answers.push(await reply(again, frame(n)));
  // At least those that were answered before are repetitions; of all but the highest only that is known.
  expect(answers.slice(0, 5).map(({ dup }) => dup)).toEqual([true, true, true, true, true]);
  expect(answers.at(-1)).toMatchObject({ t: 'ok', e, o: SENT });
  const { ps } = await reply(again, '{"t":"hist","i":7,"c":"room:1","n":1000}');
  expect((ps as { d: number }[]).map(({ d }) => d)).toEqual(Array.from({ length: SENT }, (_, i) => i + 1));
});
