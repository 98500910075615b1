/*
 * Kafka for tests: librdkafka's mock cluster, and librdkafka as the client that produces and reads beside ours.
 *
 *   kafka-fixture BROKERS              a mock cluster of so many brokers, numbered from 1
 *   kafka-fixture HOST:PORT[,…]        no cluster of its own: only the client, on a real one
 *
 * It says `ready BOOTSTRAP` and then answers each line of stdin with lines of stdout, of which the last begins with `ok`
 * or `err`. Bytes are written in hex, none as `-`.
 *
 *   topic NAME PARTITIONS              down ID | up ID | rtt ID MS          errors APIKEY CODE… | clear APIKEY
 *   leader TOPIC PARTITION ID          trouble TOPIC CODE                   api APIKEY MIN MAX
 *   produce TOPIC PARTITION KEY VALUE NAME=VALUE,…   queued, answered at once; partition -1: by the key
 *   flush                              ok DELIVERED
 *   read TOPIC PARTITIONS              `m PARTITION OFFSET KEY VALUE HEADERS` for each message, then ok COUNT
 *   committed GROUP TOPIC PARTITION    ok OFFSET (-1: none)
 */
#include <ctype.h>
#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The mock answers newer versions of these wrongly. */
enum { API_LIST_OFFSETS = 2, API_JOIN_GROUP = 11 };

static rd_kafka_t *producer;
static rd_kafka_mock_cluster_t *cluster;
static char bootstrap[4096];
static long delivered, undelivered;
static char undelivered_why[256];

static void fail(const char *what, const char *why) {
  printf("err %s: %s\n", what, why);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
  (void)rk;
  (void)opaque;
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    delivered++;
    return;
  }
  undelivered++;
  snprintf(undelivered_why, sizeof undelivered_why, "%s", rd_kafka_err2str(message->err));
}

/* Brokers that are down are what the tests are about: nothing to be told of on stderr. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
  (void)rk;
  if (level <= 2) fprintf(stderr, "%s: %s\n", facility, text);
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
  char why[256];
  if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK) {
    fprintf(stderr, "%s=%s: %s\n", name, value, why);
    exit(1);
  }
}

static rd_kafka_conf_t *base_conf(void) {
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  rd_kafka_conf_set_log_cb(conf, on_log);
  set(conf, "message.max.bytes", "100000000");
  set(conf, "receive.message.max.bytes", "200000000");
  set(conf, "reconnect.backoff.max.ms", "200");
  return conf;
}

static rd_kafka_t *open_client(rd_kafka_type_t type, rd_kafka_conf_t *conf) {
  char why[256];
  rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
  if (rk == NULL) {
    fprintf(stderr, "rd_kafka_new: %s\n", why);
    exit(1);
  }
  return rk;
}

/* Decodes in place; answers the length, or -1 for `-`. */
static ssize_t unhex(char *text) {
  static const signed char *table = NULL;
  static signed char made[256];
  if (table == NULL) {
    memset(made, -1, sizeof made);
    for (int i = 0; i < 16; i++) made[(unsigned char)"0123456789abcdef"[i]] = (signed char)i;
    table = made;
  }
  if (strcmp(text, "-") == 0) return -1;
  size_t length = 0;
  for (char *at = text; at[0] != '\0' && at[1] != '\0'; at += 2)
    text[length++] = (char)((table[(unsigned char)at[0]] << 4) | table[(unsigned char)at[1]]);
  return (ssize_t)length;
}

static void print_hex(const void *bytes, size_t length) {
  static const char digits[] = "0123456789abcdef";
  const unsigned char *at = bytes;
  if (bytes == NULL) {
    putchar('-');
    return;
  }
  for (size_t i = 0; i < length; i++) {
    putchar(digits[at[i] >> 4]);
    putchar(digits[at[i] & 15]);
  }
}

static void answer(const char *what, rd_kafka_resp_err_t error) {
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    fail(what, rd_kafka_err2str(error));
  else
    printf("ok\n");
}

/* On a real cluster topics are made as an operator would. */
static void create_topic(const char *name, int partitions) {
  if (cluster != NULL) {
    answer("topic", rd_kafka_mock_topic_create(cluster, name, partitions, 1));
    return;
  }
  char why[256];
  rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, partitions, 1, why, sizeof why);
  if (topic == NULL) {
    fail("topic", why);
    return;
  }
  rd_kafka_queue_t *queue = rd_kafka_queue_new(producer);
  rd_kafka_CreateTopics(producer, &topic, 1, NULL, queue);
  rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 30000);
  if (event == NULL) {
    fail("topic", "no answer within 30 s");
  } else {
    size_t count = 0;
    rd_kafka_resp_err_t error = rd_kafka_event_error(event);
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR && count == 1) error = rd_kafka_topic_result_error(results[0]);
    answer("topic", error);
    rd_kafka_event_destroy(event);
  }
  rd_kafka_queue_destroy(queue);
  rd_kafka_NewTopic_destroy(topic);
}

static void produce(char *rest) {
  char *save = NULL;
  const char *topic = strtok_r(rest, " ", &save), *partition = strtok_r(NULL, " ", &save);
  char *key = strtok_r(NULL, " ", &save), *value = strtok_r(NULL, " ", &save), *headers = strtok_r(NULL, " ", &save);
  if (headers == NULL) {
    fail("produce", "five arguments are needed");
    return;
  }
  ssize_t key_length = unhex(key), value_length = unhex(value);
  void *key_bytes = key_length < 0 ? NULL : key, *value_bytes = value_length < 0 ? NULL : value;
  size_t key_size = key_length < 0 ? 0 : (size_t)key_length, value_size = value_length < 0 ? 0 : (size_t)value_length;
  rd_kafka_headers_t *made = rd_kafka_headers_new(4);
  if (strcmp(headers, "-") != 0) {
    char *inner = NULL;
    for (char *pair = strtok_r(headers, ",", &inner); pair != NULL; pair = strtok_r(NULL, ",", &inner)) {
      char *content = strchr(pair, '=');
      if (content == NULL) continue;
      *content++ = '\0';
      ssize_t length = unhex(content);
      rd_kafka_header_add(made, pair, -1, length < 0 ? NULL : content, length < 0 ? 0 : length);
    }
  }
  for (;;) {
    rd_kafka_resp_err_t error = rd_kafka_producev(
        producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(atoi(partition)), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(key_bytes, key_size), RD_KAFKA_V_VALUE(value_bytes, value_size),
        RD_KAFKA_V_HEADERS(made), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      rd_kafka_poll(producer, 50);
      continue;
    }
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_headers_destroy(made);
    answer("produce", error);
    rd_kafka_poll(producer, 0);
    return;
  }
}

static void flush_producer(void) {
  rd_kafka_resp_err_t error = rd_kafka_flush(producer, 60000);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    fail("flush", rd_kafka_err2str(error));
  else if (undelivered > 0)
    fail("flush", undelivered_why);
  else
    printf("ok %ld\n", delivered);
  delivered = undelivered = 0;
}

static void read_topic(const char *topic, int partitions) {
  rd_kafka_conf_t *conf = base_conf();
  set(conf, "bootstrap.servers", bootstrap);
  set(conf, "group.id", "kafka-fixture");
  set(conf, "enable.partition.eof", "true");
  set(conf, "enable.auto.commit", "false");
  set(conf, "auto.offset.reset", "earliest");
  set(conf, "fetch.wait.max.ms", "50");
  rd_kafka_t *consumer = open_client(RD_KAFKA_CONSUMER, conf);
  rd_kafka_poll_set_consumer(consumer);
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
  for (int i = 0; i < partitions; i++)
    rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
  rd_kafka_assign(consumer, list);
  long count = 0;
  for (int at_end = 0; at_end < partitions;) {
    rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 1000);
    if (message == NULL) continue;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      at_end++;
    } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      count++;
      printf("m %d %lld ", message->partition, (long long)message->offset);
      print_hex(message->key, message->key_len);
      putchar(' ');
      print_hex(message->payload, message->len);
      putchar(' ');
      rd_kafka_headers_t *headers;
      if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const char *name;
        const void *content;
        size_t size;
        for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &content, &size) == 0; i++) {
          printf("%s%s=", i == 0 ? "" : ",", name);
          print_hex(content, size);
        }
      } else {
        putchar('-');
      }
      putchar('\n');
    }
    rd_kafka_message_destroy(message);
  }
  rd_kafka_topic_partition_list_destroy(list);
  rd_kafka_consumer_close(consumer);
  rd_kafka_destroy(consumer);
  printf("ok %ld\n", count);
}

/* A client for each group that was asked about: tests ask again and again. */
enum { MOST_GROUPS = 256 };
static struct {
  char name[256];
  rd_kafka_t *client;
} groups[MOST_GROUPS];

static rd_kafka_t *client_of(const char *group) {
  size_t at = 0;
  while (at < MOST_GROUPS - 1 && groups[at].client != NULL && strcmp(groups[at].name, group) != 0) at++;
  if (groups[at].client != NULL && strcmp(groups[at].name, group) != 0) {
    rd_kafka_destroy(groups[at].client);
    groups[at].client = NULL;
  }
  if (groups[at].client == NULL) {
    rd_kafka_conf_t *conf = base_conf();
    set(conf, "bootstrap.servers", bootstrap);
    set(conf, "group.id", group);
    snprintf(groups[at].name, sizeof groups[at].name, "%s", group);
    groups[at].client = open_client(RD_KAFKA_CONSUMER, conf);
  }
  return groups[at].client;
}

static void print_committed(const char *group, const char *topic, int partition) {
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic, partition);
  rd_kafka_resp_err_t error = rd_kafka_committed(client_of(group), list, 20000);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    fail("committed", rd_kafka_err2str(error));
  else
    printf("ok %lld\n", list->elems[0].offset < 0 ? -1LL : (long long)list->elems[0].offset);
  rd_kafka_topic_partition_list_destroy(list);
}

static void push_errors(char *rest) {
  char *save = NULL;
  const char *api = strtok_r(rest, " ", &save);
  rd_kafka_resp_err_t errors[64];
  size_t count = 0;
  for (char *code = strtok_r(NULL, " ", &save); code != NULL && count < 64; code = strtok_r(NULL, " ", &save))
    errors[count++] = (rd_kafka_resp_err_t)atoi(code);
  rd_kafka_mock_push_request_errors_array(cluster, (int16_t)atoi(api), count, errors);
  printf("ok\n");
}

static void obey(char *line) {
  char name[256], more[256];
  int a, b, c;
  if (strncmp(line, "produce ", 8) == 0)
    produce(line + 8);
  else if (strcmp(line, "flush") == 0)
    flush_producer();
  else if (sscanf(line, "topic %255s %d", name, &a) == 2)
    create_topic(name, a);
  else if (sscanf(line, "read %255s %d", name, &a) == 2)
    read_topic(name, a);
  else if (sscanf(line, "committed %255s %255s %d", name, more, &a) == 3)
    print_committed(name, more, a);
  else if (cluster == NULL)
    fail(line, "only a mock cluster does that");
  else if (sscanf(line, "down %d", &a) == 1)
    answer("down", rd_kafka_mock_broker_set_down(cluster, a));
  else if (sscanf(line, "up %d", &a) == 1)
    answer("up", rd_kafka_mock_broker_set_up(cluster, a));
  else if (sscanf(line, "rtt %d %d", &a, &b) == 2)
    answer("rtt", rd_kafka_mock_broker_set_rtt(cluster, a, b));
  else if (sscanf(line, "leader %255s %d %d", name, &a, &b) == 3)
    answer("leader", rd_kafka_mock_partition_set_leader(cluster, name, a, b));
  else if (sscanf(line, "api %d %d %d", &a, &b, &c) == 3)
    answer("api", rd_kafka_mock_set_apiversion(cluster, (int16_t)a, (int16_t)b, (int16_t)c));
  else if (strncmp(line, "errors ", 7) == 0)
    push_errors(line + 7);
  else if (sscanf(line, "trouble %255s %d", name, &a) == 2) {
    rd_kafka_mock_topic_set_error(cluster, name, (rd_kafka_resp_err_t)a);
    printf("ok\n");
  } else if (sscanf(line, "clear %d", &a) == 1) {
    rd_kafka_mock_clear_request_errors(cluster, (int16_t)a);
    printf("ok\n");
  } else
    fail(line, "no such command");
}

static void open_cluster(int brokers) {
  rd_kafka_t *holder = open_client(RD_KAFKA_PRODUCER, base_conf());
  cluster = rd_kafka_mock_cluster_new(holder, brokers);
  if (cluster == NULL) {
    fprintf(stderr, "no mock cluster\n");
    exit(1);
  }
  rd_kafka_mock_set_apiversion(cluster, API_JOIN_GROUP, 0, 5);
  rd_kafka_mock_set_apiversion(cluster, API_LIST_OFFSETS, 0, 2);
  snprintf(bootstrap, sizeof bootstrap, "%s", rd_kafka_mock_cluster_bootstraps(cluster));
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: kafka-fixture BROKERS | HOST:PORT[,…]\n");
    return 1;
  }
  setvbuf(stdout, NULL, _IOFBF, 1 << 16);
  if (strchr(argv[1], ':') == NULL)
    open_cluster(atoi(argv[1]));
  else
    snprintf(bootstrap, sizeof bootstrap, "%s", argv[1]);
  rd_kafka_conf_t *conf = base_conf();
  set(conf, "bootstrap.servers", bootstrap);
  set(conf, "linger.ms", "1");
  set(conf, "queue.buffering.max.messages", "1000000");
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  producer = open_client(RD_KAFKA_PRODUCER, conf);
  printf("ready %s\n", bootstrap);
  fflush(stdout);
  char *line = NULL;
  size_t room = 0;
  for (ssize_t length; (length = getline(&line, &room, stdin)) > 0; fflush(stdout)) {
    while (length > 0 && isspace((unsigned char)line[length - 1])) line[--length] = '\0';
    obey(line);
  }
  /* Whoever started it is gone: nothing is left to be put in order. */
  _Exit(0);
}
