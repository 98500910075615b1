import { createApp } from 'vue';
import { openClient } from '../room-client.ts';
import App from './app.vue';

createApp(App, { client: openClient() }).mount('#app');
