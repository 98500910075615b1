import { channelSeedsHold } from './channels-hold.ts';

channelSeedsHold(401, 2_000);
