import { CLOSES, ERRORS } from '@carillon/protocol';
import { expect, it } from 'vitest';
import { type CarillonErrorCode, CarillonError } from '../src/index.ts';

it("an error's `retry` is what the protocol says of its code", () => {
  for (const [code, { retry }] of Object.entries(ERRORS))
    expect([code, new CarillonError(code as CarillonErrorCode, '').retry]).toEqual([code, retry]);
  for (const [code, { advice }] of Object.entries(CLOSES))
    if (advice === 'stop') expect(new CarillonError(code as CarillonErrorCode, '').retry).toBe(false);
  expect(new CarillonError('url_invalid', '').retry).toBe(false);
});
