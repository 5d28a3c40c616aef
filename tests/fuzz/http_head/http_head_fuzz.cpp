// Whatever a client sends, the reader gives the same requests however the bytes are cut, and what it accepts is framed
// without ambiguity.
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "gateway/http/request_reader.hpp"

namespace {

using troupe::request_reader;

constexpr troupe::reader_limits limits{.header_bytes_max = 512, .fields_max = 8, .body_bytes_max = 256};

struct outcome {
  std::vector<std::string> requests;
  bool refused = false;
};

void check_head(const troupe::request_head& head) {
  TROUPE_CHECK(head.path == "*" || (!head.path.empty() && head.path[0] == '/'));
  TROUPE_CHECK(!head.method.empty());
  TROUPE_CHECK(head.request_id.size() <= 128);
  TROUPE_CHECK(head.content_length.value_or(0) <= limits.body_bytes_max);
  TROUPE_CHECK(!head.http_1_0 || !head.keep_alive);
}

outcome read_all(std::string_view input, size_t step) {
  outcome out;
  request_reader reader(limits);
  std::string waiting;
  while (!input.empty()) {
    waiting += input.substr(0, step);
    input.remove_prefix(std::min(step, input.size()));
    for (;;) {
      size_t consumed = 0;
      auto progress = reader.read(waiting, consumed);
      TROUPE_CHECK(consumed <= waiting.size());
      waiting.erase(0, consumed);
      if (!progress) {
        TROUPE_CHECK(!progress.err().detail.empty());
        TROUPE_CHECK(http_status(progress.err().code) / 100 == 4);
        out.refused = true;
        return out;
      }
      if (*progress == request_reader::progress::need_more) break;
      check_head(reader.head());
      if (*progress == request_reader::progress::head) continue;
      auto head = reader.head();
      std::string body = reader.take_body();
      TROUPE_CHECK(body.size() <= limits.body_bytes_max);
      if (head.content_length) TROUPE_CHECK(body.size() == *head.content_length);
      if (!head.has_body) TROUPE_CHECK(body.empty());
      out.requests.push_back(head.method + " " + head.path + " " + head.content_type + " " + body);
    }
    // What waits is less than one head, one chunk's head or the trailers, and a piece.
    TROUPE_CHECK(waiting.size() <= limits.header_bytes_max + step);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  auto whole = read_all(input, input.size() + 1);
  for (size_t step : {size_t{1}, size_t{3}}) {
    auto cut = read_all(input, step);
    TROUPE_CHECK(cut.requests == whole.requests);
    TROUPE_CHECK(cut.refused == whole.refused);
  }
  return 0;
}
