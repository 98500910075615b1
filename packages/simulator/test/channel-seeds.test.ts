import { channelSeedsHold } from './channels-hold.ts';

channelSeedsHold(1, 400);
