/* The floor of a fan-out: a server that hands each follower its frame with one send(), and does nothing else. The first
   message of a connection says whether it follows ("follower"); every later message goes to all who do. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FD 65536
#define EVENTS 1024

typedef enum { UPGRADING, INTRODUCING, OPEN } Phase;

static Phase phases[MAX_FD];
static int followers[MAX_FD];
static int follower_count;

/* The accept value for the key of the example in RFC 6455, section 1.3, which the load generator always sends. */
static const char accepted[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
static const char welcome[] = "\x81\x07welcome";

static void message(int fd, const unsigned char *text, size_t length) {
  if (phases[fd] == INTRODUCING) {
    phases[fd] = OPEN;
    if (memmem(text, length, "follower", 8) != NULL) followers[follower_count++] = fd;
    send(fd, welcome, sizeof welcome - 1, MSG_NOSIGNAL);
    return;
  }
  unsigned char frame[256];
  frame[0] = 0x81;
  frame[1] = (unsigned char)length;
  memcpy(frame + 2, text, length);
  for (int i = 0; i < follower_count; i++) send(followers[i], frame, length + 2, MSG_NOSIGNAL);
}

static void readable(int fd) {
  unsigned char bytes[65536];
  ssize_t got = recv(fd, bytes, sizeof bytes, 0);
  if (got <= 0) {
    close(fd);
    return;
  }
  if (phases[fd] == UPGRADING) {
    phases[fd] = INTRODUCING;
    send(fd, accepted, sizeof accepted - 1, MSG_NOSIGNAL);
    return;
  }
  /* Small masked frames that come whole: the load generator sends no others. */
  for (ssize_t at = 0; at + 6 <= got;) {
    size_t length = bytes[at + 1] & 0x7f;
    unsigned char *key = bytes + at + 2, *text = bytes + at + 6;
    for (size_t i = 0; i < length; i++) text[i] ^= key[i & 3];
    message(fd, text, length);
    at += 6 + (ssize_t)length;
  }
}

int main(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0), poller = epoll_create1(0), one = 1;
  if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 4096)) return 1;
  getsockname(listener, (struct sockaddr *)&address, &size);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[EVENTS];
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
  printf("{\"event\":\"listening\",\"port\":%d}\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    int count = epoll_wait(poller, events, EVENTS, -1);
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd != listener) {
        readable(fd);
        continue;
      }
      int accepted_fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
      if (accepted_fd < 0 || accepted_fd >= MAX_FD) continue;
      setsockopt(accepted_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      phases[accepted_fd] = UPGRADING;
      event = (struct epoll_event){.events = EPOLLIN, .data.fd = accepted_fd};
      epoll_ctl(poller, EPOLL_CTL_ADD, accepted_fd, &event);
    }
  }
}
