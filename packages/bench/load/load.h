/* The load generator: one thread, epoll, many clients over WebSocket, SSE or long-poll. Talks to the bench by lines: what happened as JSON on
   stdout, what to do next on stdin. */
#ifndef CARILLON_BENCH_LOAD_H
#define CARILLON_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What the command line says. */
typedef struct {
  int port;
  const char *path;
  const char *plan;      /* file: line k is what connection k sends first, messages apart by tabs; `@PORT ` before it: to that port; then `sse ` or `poll `: not over WebSocket */
  const char *ready;     /* a connection is ready when a message contains this */
  int at_once;           /* connections being opened at any moment */
  double spread;         /* seconds over which opening is spread at least */
  bool hold_fire;        /* opens when a line `open` comes, not before */
  bool tolerant;         /* a connection that fails is counted, and does not end the program */
  int first_address;     /* source addresses begin at 127.0.N.1 */
  const char *keep;      /* messages that contain this are written to `out` while connecting */
  const char *out;
  const char *ping;      /* a message that begins with this is answered with `pong` */
  const char *pong;
  int publishers;        /* fanout: the last so many connections publish */
  int far;               /* fanout: the last so many followers, whose latencies are told of each delivery */
  const char *prefix;    /* of a change, before the mark */
  const char *suffix;    /* and after it; of a call, before and after its number */
  const char *answer;    /* calls: what an answer begins with, before the number */
  const char *followers; /* graph: file of `followee follower` lines, both numbers of connections */
  const char *people;    /* crowd: file, line k: the person of connection k and how many deliveries its change has */
  double settle;         /* graph: seconds after which a delivery counts as missing */
  long seed;
} Options;

extern Options options;

/* connections.c */
typedef void (*OnMessage)(int connection, const char *text, size_t length);

extern int connection_count;
extern long bytes_received;
extern long closed_count;
extern long failed_count; /* while connecting, where that is tolerated */

double now_seconds(void);
void open_all(OnMessage on_message);
bool is_open(int connection);
void send_text(int connection, const char *text, size_t length);
/* Waits for sockets or a line on stdin, at most so long; handles what came. */
void pump(int timeout_ms, OnMessage on_message);
/* The next line from stdin if one has come, else NULL. Valid until the next call. End of input ends the program. */
const char *next_command(void);
/* Serves heartbeats until a line comes. */
const char *wait_for_command(OnMessage on_message);

/* frames.c */
typedef struct {
  int opcode;
  const char *payload;
  size_t length;
  size_t total; /* header and payload */
} Frame;

/* False when the bytes do not hold a whole frame yet. */
bool read_frame(const unsigned char *bytes, size_t length, Frame *frame);
/* Writes a masked frame; `out` holds `length` + 14 bytes. Returns its size. */
size_t write_frame(unsigned char *out, int opcode, const char *payload, size_t length);

/* http.c: lines made of HTTP requests, as PROTOCOL.md has them ([HTTP1] to [HTTP5]) */
#define LINE_NAME_BYTES 256
typedef struct {
  int status;
  long body; /* its bytes; -1: it ends with the connection */
} Head;
typedef struct {
  const char *name; /* "", "line" or "close" */
  const char *data; /* NULL: a comment */
  size_t length;
} Event;

/* Both return how many bytes it takes, 0 while it is not whole. */
size_t read_head(const char *bytes, size_t length, Head *head);
size_t read_event(const char *bytes, size_t length, Event *event);
/* Returns the size of the whole request. */
size_t write_post(char *out, size_t room, const char *path, int port, const char *body, size_t length);
void read_line_name(const char *text, size_t length, char *name);
/* Returns the batch's number, and what stands between the brackets of its messages. */
long read_batch(const char *body, size_t length, const char **messages, size_t *messages_length);
bool next_message(const char **from, size_t *left, const char **message, size_t *length);

/* figures.c */
double percentile(double *values, size_t count, double share); /* sorts */

/* histogram.c: latencies by the microsecond, for more of them than an array should hold */
typedef struct Histogram Histogram;
Histogram *new_histogram(void);
void clear_histogram(Histogram *histogram);
void note_latency(Histogram *histogram, double seconds);
/* As JSON: [[microsecond, how many], ...], in steps of about a hundredth. */
void print_histogram(const Histogram *histogram);
double histogram_percentile_ms(const Histogram *histogram, double share);

/* figures.c */
bool contains(const char *text, size_t length, const char *part);
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void *allocate(size_t count, size_t size);

/* The modes. */
void run_hold(void);
void run_fanout(void);
void run_graph(void);
void run_probe(void);
void run_calls(void);
void run_crowd(void);

#endif
