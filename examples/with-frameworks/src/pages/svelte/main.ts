import { mount } from 'svelte';
import { openClient } from '../room-client.ts';
import App from './app.svelte';

const place = document.getElementById('app');
if (place === null) throw new Error('svelte.html has lost its #app');
mount(App, { target: place, props: { client: openClient() } });
