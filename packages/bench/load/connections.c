#define _GNU_SOURCE
#include "connection.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Larger than any message: a full sync of the person with the most friends. */
#define BUFFER_BYTES (8 << 20)
/* Far from the 28,000 ports that one address has towards one other. */
#define CONNECTIONS_PER_ADDRESS 5000
/* Nothing here takes this long; a server that is silent for it is stuck. */
#define STALL_SECONDS 60
#define COMMAND_BYTES 256
#define EVENTS 1024
#define STDIN_EVENT UINT32_MAX

int connection_count;
long bytes_received;
long closed_count;
long failed_count;

Connection *connections;
static double *ready_after;
static int ready_count, opening_count;
static int poller;
static unsigned char *buffer;
static FILE *kept;
static char command[COMMAND_BYTES];
static size_t command_length;
static char first_failure[100]; /* fit for a string in JSON */
static double half_at, most_at; /* when 50 and 95% were ready, from the beginning */

double now_seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void send_bytes(int index, const void *bytes, size_t length) {
  Connection *connection = &connections[index];
  for (size_t at = 0; at < length;) {
    ssize_t sent = send(connection->fd, (const char *)bytes + at, length - at, MSG_NOSIGNAL);
    if (sent > 0) {
      at += (size_t)sent;
    } else if (sent < 0 && errno == EAGAIN) {
      struct pollfd waiting = {.fd = connection->fd, .events = POLLOUT};
      poll(&waiting, 1, 100);
    } else {
      return; /* the end of the connection is read from it */
    }
  }
}

void send_text(int connection, const char *text, size_t length) {
  if (connections[connection].wire == WEBSOCKET) send_websocket(connection, text, length);
  else send_over_line(connection, text, length);
}

bool is_open(int connection) { return connections[connection].phase == READY; }

static void watch(int operation, int index, uint32_t events) {
  struct epoll_event event = {.events = events, .data.u32 = (uint32_t)index};
  epoll_ctl(poller, operation, connections[index].fd, &event);
}

void open_one(int index) {
  Connection *connection = &connections[index];
  int one = 1;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0) fail("no socket for connection %d: %s", index, strerror(errno));
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(0x7f000001u | (uint32_t)(options.first_address + index / CONNECTIONS_PER_ADDRESS) << 8);
  if (bind(fd, (struct sockaddr *)&address, sizeof address)) fail("bind: %s", strerror(errno));
  address.sin_port = htons((uint16_t)connection->port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connection->fd = fd;
  connection->phase = CONNECTING;
  connection->opened_at = now_seconds();
  if (connect(fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS)
    fail("connect: %s", strerror(errno));
  watch(EPOLL_CTL_ADD, index, EPOLLOUT);
}

void forget_rest(Connection *connection) {
  free(connection->rest);
  connection->rest = NULL;
  connection->rest_length = 0;
}

void give_up(int index, const char *why, int length) {
  Connection *connection = &connections[index];
  if (!options.tolerant) fail("connection %d %.*s", index, length, why);
  if (failed_count++ == 0) {
    size_t at = 0;
    for (; at < sizeof first_failure - 1 && (int)at < length && why[at] >= ' ' && why[at] <= '~'; at++)
      first_failure[at] = why[at] == '"' || why[at] == '\\' ? '\'' : why[at];
    first_failure[at] = 0;
  }
  close(connection->fd);
  forget_rest(connection);
  connection->phase = CLOSED;
  opening_count--;
}

static void begin(int index) {
  Connection *connection = &connections[index];
  int problem = 0;
  socklen_t size = sizeof problem;
  getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &problem, &size);
  if (problem != 0) {
    if (connection->wire == SENDER) fail("nothing can be sent: %s", strerror(problem));
    give_up(index, strerror(problem), (int)strlen(strerror(problem)));
    return;
  }
  connection->phase = UPGRADING;
  watch(EPOLL_CTL_MOD, index, EPOLLIN);
  if (connection->wire == WEBSOCKET) begin_websocket(index);
  else if (connection->wire == SENDER) begin_sender();
  else begin_line(index);
}

static void close_one(int index) {
  Connection *connection = &connections[index];
  if (connection->wire == SENDER) {
    close(connection->fd);
    forget_rest(connection);
    connection->phase = CLOSED;
    sender_closed();
    return;
  }
  if (connection->phase != READY) {
    static const char why[] = "was closed before it was ready";
    give_up(index, why, (int)sizeof why - 1);
    return;
  }
  close(connection->fd);
  forget_rest(connection);
  connection->phase = CLOSED;
  closed_count++;
}

void text_received(int index, const char *text, size_t length, OnMessage on_message) {
  Connection *connection = &connections[index];
  if (options.ping != NULL && length >= strlen(options.ping) &&
      memcmp(text, options.ping, strlen(options.ping)) == 0) {
    send_text(index, options.pong, strlen(options.pong));
    return;
  }
  if (connection->phase == WAITING) {
    if (kept != NULL && contains(text, length, options.keep))
      fprintf(kept, "%d\t%.*s\n", index, (int)length, text);
    if (!contains(text, length, options.ready)) return;
    connection->phase = READY;
    ready_after[ready_count++] = now_seconds() - connection->opened_at;
    opening_count--;
    return;
  }
  if (on_message != NULL) on_message(index, text, length);
}

static size_t take(int index, size_t length, OnMessage on_message) {
  switch (connections[index].wire) {
    case WEBSOCKET:
      return take_websocket(index, buffer, length, on_message);
    case STREAM:
      return take_stream(index, buffer, length, on_message);
    case POLL:
      return take_poll(index, buffer, length, on_message);
    case SENDER:
      return take_sender(buffer, length);
  }
  return 0;
}

static void readable(int index, OnMessage on_message) {
  Connection *connection = &connections[index];
  size_t length = connection->rest_length;
  if (length > 0) memcpy(buffer, connection->rest, length);
  ssize_t got = recv(connection->fd, buffer + length, BUFFER_BYTES - length, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) {
    close_one(index);
    return;
  }
  bytes_received += got;
  length += (size_t)got;
  size_t at = take(index, length, on_message);
  if (connection->phase == CLOSED) return; /* given up while its bytes were read */
  size_t left = length - at;
  if (left == BUFFER_BYTES) fail("a message of more than %d bytes", BUFFER_BYTES);
  if (left != connection->rest_length) {
    free(connection->rest);
    connection->rest = left == 0 ? NULL : allocate(left, 1);
  }
  if (left > 0) memcpy(connection->rest, buffer + at, left);
  connection->rest_length = left;
}

static void read_command(void) {
  ssize_t got = read(STDIN_FILENO, command + command_length, COMMAND_BYTES - 1 - command_length);
  if (got <= 0) exit(0); /* whoever started this is gone, or done */
  command_length += (size_t)got;
}

const char *next_command(void) {
  static char line[COMMAND_BYTES];
  char *end = memchr(command, '\n', command_length);
  if (end == NULL) return NULL;
  size_t length = (size_t)(end - command);
  memcpy(line, command, length);
  line[length] = 0;
  command_length -= length + 1;
  memmove(command, end + 1, command_length);
  return line;
}

void pump(int timeout_ms, OnMessage on_message) {
  struct epoll_event events[EVENTS];
  int count = epoll_wait(poller, events, EVENTS, timeout_ms);
  for (int i = 0; i < count; i++) {
    uint32_t index = events[i].data.u32;
    if (index == STDIN_EVENT) read_command();
    else if (connections[index].phase == CONNECTING) begin((int)index);
    else if (connections[index].phase != CLOSED) readable((int)index, on_message);
  }
}

const char *wait_for_command(OnMessage on_message) {
  for (;;) {
    const char *line = next_command();
    if (line != NULL) return line;
    pump(1000, on_message);
  }
}

static void read_plan(void) {
  FILE *file = fopen(options.plan, "r");
  if (file == NULL) fail("%s: %s", options.plan, strerror(errno));
  int capacity = 1024;
  connections = allocate((size_t)capacity, sizeof *connections);
  char *line = NULL;
  size_t size = 0;
  ssize_t length;
  while ((length = getline(&line, &size, file)) > 0) {
    if (line[length - 1] == '\n') line[length - 1] = 0;
    if (connection_count + 1 == capacity) { /* one more: the sender */
      capacity *= 2;
      connections = realloc(connections, (size_t)capacity * sizeof *connections);
      if (connections == NULL) fail("out of memory");
    }
    char *opening = strdup(line);
    int port = options.port, skipped = 0;
    if (sscanf(opening, "@%d %n", &port, &skipped) == 1) opening += skipped;
    Wire wire = !strncmp(opening, "sse ", 4) ? STREAM : !strncmp(opening, "poll ", 5) ? POLL : WEBSOCKET;
    if (wire != WEBSOCKET) opening = strchr(opening, ' ') + 1;
    connections[connection_count++] = (Connection){.fd = -1, .phase = CLOSED, .wire = wire, .opening = opening, .port = port};
  }
  connections[connection_count] = (Connection){.fd = -1, .phase = CLOSED, .wire = SENDER, .port = options.port};
  free(line);
  fclose(file);
}

void open_all(OnMessage on_message) {
  read_plan();
  ready_after = allocate((size_t)connection_count, sizeof *ready_after);
  buffer = allocate(BUFFER_BYTES, 1);
  poller = epoll_create1(0);
  struct epoll_event from_bench = {.events = EPOLLIN, .data.u32 = STDIN_EVENT};
  epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &from_bench);
  if (options.out != NULL) {
    kept = fopen(options.out, "w");
    if (kept == NULL) fail("%s: %s", options.out, strerror(errno));
  }

  if (options.hold_fire) {
    printf("{\"event\":\"prepared\"}\n");
    const char *line = wait_for_command(NULL);
    if (strcmp(line, "open") != 0) fail("no command %s", line);
  }
  double started = now_seconds(), moved = started, now = started;
  double apart = options.spread / connection_count;
  for (int next = 0, before = 0; ready_count + failed_count < connection_count;) {
    while (next < connection_count && opening_count < options.at_once && now - started >= next * apart) {
      opening_count++;
      open_one(next++);
    }
    pump(options.spread > 0 ? 1 : 1000, on_message);
    now = now_seconds();
    if (ready_count > before) {
      moved = now;
      if (before * 2 < connection_count && ready_count * 2 >= connection_count) half_at = now - started;
      if (before * 20L < connection_count * 19L && ready_count * 20L >= connection_count * 19L) most_at = now - started;
    }
    before = ready_count;
    if (now - moved > STALL_SECONDS && options.tolerant) {
      for (int index = 0; index < next; index++)
        if (connections[index].phase < READY) give_up(index, "was not let in for a minute", 27);
      failed_count += connection_count - next;
      break;
    }
    if (now - moved > STALL_SECONDS) fail("%d of %d connections are ready, %ld failed, and no more become so", ready_count, connection_count, failed_count);
  }
  double took = now_seconds() - started;
  if (kept != NULL) fclose(kept);
  size_t count = (size_t)ready_count;
  double half = percentile(ready_after, count, 0.5), most = percentile(ready_after, count, 0.99);
  printf("{\"event\":\"ready\",\"connections\":%d,\"seconds\":%.4f,\"p50Ms\":%.3f,\"p99Ms\":%.3f,\"bytes\":%ld,"
         "\"failed\":%ld,\"halfSeconds\":%.4f,\"mostSeconds\":%.4f,\"firstFailure\":\"%s\"}\n",
         ready_count, took, half * 1e3, most * 1e3, bytes_received, failed_count, half_at, most_at, first_failure);
}
