import { channelSeedsHold } from './channels-hold.ts';

channelSeedsHold(501, 750);
