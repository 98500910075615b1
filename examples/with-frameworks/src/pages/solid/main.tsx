/** @jsxImportSource solid-js */
import { render } from 'solid-js/web';
import { openClient } from '../room-client.ts';
import { App } from './app.tsx';

const place = document.getElementById('app');
if (place === null) throw new Error('solid.html has lost its #app');
const client = openClient();
render(() => <App client={client} />, place);
