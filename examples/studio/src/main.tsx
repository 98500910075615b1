import { render } from 'preact';
import { App } from './page/app.tsx';
import { startClock } from './page/clock.ts';

const root = document.getElementById('studio');
if (root === null) throw new Error('index.html has lost its #studio');
startClock();
render(<App />, root);
