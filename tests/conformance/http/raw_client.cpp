#include "tests/conformance/http/raw_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/check.hpp"

namespace troupe {
namespace {

bool connect_to(int fd, uint16_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
}

}  // namespace

bool can_connect(uint16_t port) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  TROUPE_CHECK(fd >= 0);
  bool connected = connect_to(fd, port);
  ::close(fd);
  return connected;
}

raw_client::raw_client(uint16_t port, int receive_buffer) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  TROUPE_CHECK(fd_ >= 0);
  timeval patience{.tv_sec = 30, .tv_usec = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (receive_buffer > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  TROUPE_CHECK(connect_to(fd_, port));
}

raw_client::~raw_client() { close(); }

void raw_client::close(bool reset) {
  if (fd_ < 0) return;
  linger now{.l_onoff = 1, .l_linger = 0};
  if (reset) ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(fd_);
  fd_ = -1;
}

void raw_client::end_output() { ::shutdown(fd_, SHUT_WR); }

bool raw_client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool raw_client::fill() {
  if (ended_) return false;
  std::array<char, 16384> buffer;
  auto got = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (got <= 0) {
    TROUPE_CHECK(got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK));  // The server hangs.
    ended_ = true;
    reset_ = got < 0;
    return false;
  }
  unread_.append(buffer.data(), static_cast<size_t>(got));
  return true;
}

std::string raw_client::take(size_t bytes) {
  while (unread_.size() < bytes && fill()) {
  }
  std::string out = unread_.substr(0, bytes);
  unread_.erase(0, out.size());
  return out;
}

std::string raw_client::read_until(std::string_view mark) {
  for (;;) {
    size_t at = unread_.find(mark);
    if (at != std::string::npos) return take(at + mark.size());
    if (!fill()) return take(unread_.size());
  }
}

bool raw_client::read_to_end() {
  while (fill()) unread_.clear();
  return !reset_;
}

raw_response raw_client::read_head() {
  raw_response out;
  std::string head = read_until("\r\n\r\n");
  if (!head.ends_with("\r\n\r\n") || !head.starts_with("HTTP/1.1 ")) return out;
  out.status = std::atoi(head.c_str() + 9);
  for (size_t at = head.find("\r\n") + 2; at + 2 < head.size();) {
    size_t end = head.find("\r\n", at);
    std::string line = head.substr(at, end - at);
    size_t colon = line.find(": ");
    TROUPE_CHECK(colon != std::string::npos);
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    TROUPE_CHECK(out.fields.emplace(name, line.substr(colon + 2)).second);
    at = end + 2;
  }
  return out;
}

raw_response raw_client::read_response(bool head_only) {
  raw_response out = read_head();
  if (out.status == 0 || head_only || out.status == 100) return out;
  if (out.has("content-length")) {
    out.body = take(std::stoul(out.fields["content-length"]));
  } else if (out.has("transfer-encoding")) {
    for (;;) {
      std::string size_line = read_until("\r\n");
      if (!size_line.ends_with("\r\n")) break;
      size_t size = std::stoul(size_line, nullptr, 16);
      std::string data = take(size + 2);
      if (!data.ends_with("\r\n")) break;
      if (size == 0) return out;
      out.body += data.substr(0, size);
      ++out.chunks;
    }
    out.status = 0;  // It was cut off.
  } else {
    while (fill()) {
    }
    out.body = take(unread_.size());
  }
  return out;
}

}  // namespace troupe
