const MAX_TOPIC_LENGTH = 249;

/** As Kafka names topics; Dapr's and an outbox's fit too. */
export function topicProblem(topic: string): string | undefined {
  return new RegExp(`^[A-Za-z0-9._-]{1,${MAX_TOPIC_LENGTH}}$`).test(topic)
    ? undefined
    : `is no topic: up to ${MAX_TOPIC_LENGTH} letters, digits, dots, hyphens and underscores`;
}
