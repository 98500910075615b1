/** A line that dropped without a word, or that nobody polls any more (RFC 6455, section 7.4.1). */
export const DROPPED = 1006;

/** What a message of more than `limits.messageBytes` closes a connection with (RFC 6455, section 7.4.1). */
export const TOO_LARGE = 1009;
