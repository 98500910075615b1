import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type Graph, graphOf } from './graph.ts';

/** A file of edges that cannot be used; the message is one line for whoever named it. */
export class EdgeFileError extends Error {}

/**
 * Reads pairs of numbers, `a,b` a line. People keep their numbers, so "the first 15,000" are those below 15,000.
 *
 * @throws EdgeFileError at the first line that is no pair of numbers
 */
export function parseEdges(text: string): [number, number][] {
  const pairs: [number, number][] = [];
  text.split('\n').forEach((line, i) => {
    if (line === '') return;
    // A missing number would be read as 0.
    const [a, b, ...more] = line.split(',').map((part) => (part === '' ? Number.NaN : Number(part)));
    if (!isPerson(a) || !isPerson(b) || more.length > 0)
      throw new EdgeFileError(`line ${i + 1}: not a pair of numbers`);
    pairs.push([a, b]);
  });
  return pairs;
}

/** @throws EdgeFileError where the file cannot be read, or holds something else */
export function readGraph(path: string, mutual: boolean): Graph {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzipSync(bytes);
  } catch (error) {
    throw new EdgeFileError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return graphOf(parseEdges(bytes.toString('utf8')), mutual, `the edges of ${basename(path)}`);
}

/** Larger numbers would be as many people who follow nobody. */
const MAX_PERSON = 10_000_000;

function isPerson(value: number | undefined): value is number {
  return value !== undefined && Number.isInteger(value) && value >= 0 && value <= MAX_PERSON;
}
