import { channelSeedsHold } from './channels-hold.ts';

channelSeedsHold(751, 2_000);
