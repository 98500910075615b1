/* What connections.c shares with those who read and write one kind of them. */
#ifndef CARILLON_BENCH_CONNECTION_H
#define CARILLON_BENCH_CONNECTION_H

#include "load.h"

/* UPGRADING: the answer to the first request has not come. */
typedef enum { CONNECTING, UPGRADING, WAITING, READY, CLOSED } Phase;

/* SENDER: carries what the others of SSE and long-poll send. */
typedef enum { WEBSOCKET, STREAM, POLL, SENDER } Wire;

typedef struct {
  int fd;
  Phase phase;
  Wire wire;
  double opened_at;
  const char *opening;
  int port;
  unsigned char *rest; /* the beginning of a frame whose end has not come */
  size_t rest_length;
  char *line; /* STREAM and POLL: what the server calls it, once it has said so */
  long next;  /* the number of the next message that is sent over it */
} Connection;

extern Connection *connections;

/* connections.c */
void open_one(int index);
void send_bytes(int index, const void *bytes, size_t length);
/* A connection that did not become ready. Where that is tolerated the first is told of, and all are counted. */
void give_up(int index, const char *why, int length);
void text_received(int index, const char *text, size_t length, OnMessage on_message);
void forget_rest(Connection *connection);

/* `begin`: the connection is there. `take`: bytes came; returns how many of them were understood. */

/* websocket.c */
void begin_websocket(int index);
size_t take_websocket(int index, const unsigned char *bytes, size_t length, OnMessage on_message);
void send_websocket(int index, const char *text, size_t length);

/* lines.c */
void begin_line(int index);
size_t take_stream(int index, const unsigned char *bytes, size_t length, OnMessage on_message);
size_t take_poll(int index, const unsigned char *bytes, size_t length, OnMessage on_message);
void send_over_line(int index, const char *text, size_t length);
void begin_sender(void);
size_t take_sender(const unsigned char *bytes, size_t length);
void sender_closed(void);

#endif
