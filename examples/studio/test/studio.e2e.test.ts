import { describe } from 'vitest';
import { absenceTests } from './absence.e2e.ts';
import { devtoolsTests } from './devtools.e2e.ts';
import { documentTests } from './document.e2e.ts';
import { friendsTests } from './friends.e2e.ts';
import { keyboardTests } from './keyboard.e2e.ts';
import { lobbyTests } from './lobby.e2e.ts';
import { pageTests } from './page.e2e.ts';
import { studioScene, TEST_LIMIT_MS } from './studio-scene.ts';
import { tasksTests } from './tasks.e2e.ts';
import { transportTests } from './transports.e2e.ts';

const { openStudio } = studioScene();

describe('two friends', { timeout: TEST_LIMIT_MS }, () => {
  const studio = openStudio();
  friendsTests(studio);
  keyboardTests(studio);
  pageTests(studio);
  devtoolsTests(studio);
});

describe('everybody in the lobby', { timeout: TEST_LIMIT_MS }, () => {
  lobbyTests(openStudio());
});

describe('everybody in the document', { timeout: TEST_LIMIT_MS }, () => {
  documentTests(openStudio());
});

describe('a person with two devices', { timeout: TEST_LIMIT_MS }, () => {
  tasksTests(openStudio());
});

describe('people behind bad networks', { timeout: TEST_LIMIT_MS }, () => {
  transportTests(openStudio());
});

describe('a friend who does not come back', { timeout: TEST_LIMIT_MS }, () => {
  absenceTests(openStudio({ sessions: { graceMs: 1_500 } }));
});
