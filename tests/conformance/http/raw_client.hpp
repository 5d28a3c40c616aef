// A client that sends exactly the bytes it is told and reads what comes, over a blocking socket: what real clients do
// and what no well-behaved library would. Everything ends after half a minute instead of hanging.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace troupe {

struct raw_response {
  int status = 0;
  /// Names in lower case.
  std::map<std::string, std::string> fields;
  /// Without the chunks' framing.
  std::string body;
  size_t chunks = 0;

  bool has(const std::string& field) const { return fields.count(field) > 0; }
};

/// Whether somebody listens there.
bool can_connect(uint16_t port);

class raw_client {
 public:
  /// `receive_buffer`: the kernel's, in bytes; 0 leaves it alone.
  explicit raw_client(uint16_t port, int receive_buffer = 0);
  ~raw_client();
  raw_client(const raw_client&) = delete;
  raw_client& operator=(const raw_client&) = delete;

  /// Sends all of it; false when the server has closed.
  bool send(std::string_view bytes);
  void end_output();
  /// Closes; `reset`: with unsent and unread data thrown away.
  void close(bool reset = false);

  /// Reads one whole response; status 0 when the connection ends before it. `head_only`: to a HEAD request.
  raw_response read_response(bool head_only = false);
  /// Reads the status line and the fields; the body is left.
  raw_response read_head();
  /// Reads up to and with `mark`; what is there when the connection ends first.
  std::string read_until(std::string_view mark);
  /// Reads on until the connection ends. True: it ended in order; false: it was reset.
  bool read_to_end();

 private:
  bool fill();
  std::string take(size_t bytes);

  int fd_ = -1;
  std::string unread_;
  bool ended_ = false;
  bool reset_ = false;
};

}  // namespace troupe
