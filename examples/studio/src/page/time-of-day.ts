const toTheMinute = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const toTheSecond = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});

/** "10:30", or "10:30:05". @param timeMs ms since the epoch */
export function timeOfDay(timeMs: number, precision: 'minute' | 'second'): string {
  return (precision === 'minute' ? toTheMinute : toTheSecond).format(timeMs);
}
