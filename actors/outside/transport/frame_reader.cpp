#include "actors/outside/transport/frame_reader.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace troupe {

result<void> frame_reader::feed(std::span<const std::byte> bytes, handler& to) {
  while (!ended_ && (!bytes.empty() || (head_filled_ == frame_head_bytes && head_.length == body_.size()))) {
    if (head_filled_ < frame_head_bytes) {
      size_t count = std::min(frame_head_bytes - head_filled_, bytes.size());
      std::copy_n(bytes.begin(), count, head_bytes_.begin() + static_cast<std::ptrdiff_t>(head_filled_));
      head_filled_ += count;
      bytes = bytes.subspan(count);
      if (head_filled_ == frame_head_bytes) TROUPE_TRY(begin_frame());
      continue;
    }
    size_t count = std::min(head_.length - body_.size(), bytes.size());
    body_.insert(body_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    bytes = bytes.subspan(count);
    if (body_.size() == head_.length) end_frame(to);
  }
  return {};
}

result<void> frame_reader::begin_frame() {
  TROUPE_ASSIGN(head_, parse_frame_head(head_bytes_, frame_bytes_max_));
  if (head_.type == frame_type::data) {
    // Before any memory is taken for it: what is not allowed is not stored.
    if (allowed_.frames == 0 || head_.length > allowed_.bytes) {
      return {errc::invalid_argument, "the peer sent more than it was allowed to"};
    }
    allowed_.frames -= 1;
    allowed_.bytes -= head_.length;
  }
  body_.reserve(head_.length);
  return {};
}

void frame_reader::end_frame(handler& to) {
  head_filled_ = 0;
  auto body = std::exchange(body_, {});
  switch (head_.type) {
    case frame_type::data: to.on_data(std::make_shared<const std::vector<std::byte>>(std::move(body))); break;
    case frame_type::credit: to.on_credit(parse_credit(std::span<const std::byte, 8>(body))); break;
    case frame_type::ping: break;  // That bytes came is all it says.
    case frame_type::goodbye:
      ended_ = true;
      to.on_goodbye(parse_goodbye(body));
      break;
  }
}

void frame_reader::allow(link_credit more) {
  allowed_.frames += more.frames;
  allowed_.bytes += more.bytes;
}

}  // namespace troupe
