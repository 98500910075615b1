import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { openClient } from '../room-client.ts';
import { App } from './app.tsx';

const place = document.getElementById('app');
if (place === null) throw new Error('react.html has lost its #app');
createRoot(place).render(
  <StrictMode>
    <App client={openClient()} />
  </StrictMode>,
);
