import {
  NO_OWN_STATUS,
  abandon,
  afterLogin,
  carriedByLogin,
  hasPending,
  kept,
  presenceIn,
  restore,
  unsend,
  want,
  withoutCarriedFields,
} from './own-status.ts';
import { onStatusTimer, sendStatus, takeStatusReply } from './status-updates.ts';
import { type OwnPart, settle } from './step.ts';

/** The own status of clients that have presence. */
export const ownStatus: OwnPart = {
  set(step, patch, ticket) {
    const { phase } = step.state;
    // Nothing will be told before the app acts on the reason, and it may never.
    if (phase.name === 'stopped') return settle(step, ticket, phase.reason);
    step.state.own = want(step.state.own, patch, ticket);
    sendStatus(step);
  },
  restore(step, earlier) {
    step.state.own = restore(step.state.own, earlier, step.state.settings.fields);
  },
  login: ({ state: { own, resume, settings } }) =>
    carriedByLogin(own, resume === null && settings.device === null),
  takeToken(step, phase, message) {
    const { own, settings } = step.state;
    const after = afterLogin(own, {
      carried: phase.carried,
      told: message.s === undefined ? null : presenceIn(message, settings.fields),
      resumed: message.resumed,
      shared: settings.device !== null,
    });
    // The server has stored what it says that it has.
    if (!hasPending(after)) settle(step, after.upTo, null);
    step.state.own = hasPending(after) ? after : { ...after, upTo: 0 };
  },
  takeNews({ state }, message) {
    // Who shares a session restates the same.
    if (message.s !== undefined)
      state.own = { ...state.own, confirmed: presenceIn(message, state.settings.fields) };
  },
  mend(step, { carried, upTo }, { m }) {
    const mended = withoutCarriedFields(step.state.own, carried, upTo);
    if (mended === null) return false;
    step.state.own = mended.own;
    if (mended.refused) settle(step, upTo, 'bad_message', m);
    return true;
  },
  tell: sendStatus,
  takeReply: takeStatusReply,
  onTimer: onStatusTimer,
  unsend({ state }) {
    state.own = unsend(state.own);
  },
  abandon(step, code, over) {
    // A change that was not answered will not be any more.
    const own = unsend(step.state.own);
    settle(step, own.upTo, code);
    step.state.own = over ? NO_OWN_STATUS : abandon(own);
  },
  keep({ state, effects }, before) {
    if (state.own !== before.own) effects.push({ do: 'saveOwn', own: kept(state.own) });
  },
};
