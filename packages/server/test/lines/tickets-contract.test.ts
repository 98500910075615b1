import { plainTickets } from '../../src/adapters/memory/tickets.ts';
import { createTickets } from '../../src/auth/tickets.ts';
import { ticketsContract } from '../../src/testing/index.ts';

const SECRET = 'a ticket secret of thirty-two by';

ticketsContract('JWT with a secret', () => ({
  tickets: createTickets(SECRET),
  reopen: () => createTickets(SECRET),
  foreign: createTickets(`${SECRET}!`),
}));

ticketsContract('plain', () => ({ tickets: plainTickets, reopen: () => plainTickets, foreign: null }));
