#include "simulations/world/history.hpp"

#include <bit>
#include <cstring>

namespace troupe::simulation {

/// A multiplication by an odd number keeps all bits, a rotation brings the upper ones where the next one reaches them.
void history::mix(uint64_t word) { hash_ = std::rotl((hash_ ^ word) * 0xD6E8FEB86659FD93, 32); }

void history::mix(std::string_view text) {
  mix(text.size());
  for (; text.size() >= sizeof(uint64_t); text.remove_prefix(sizeof(uint64_t))) {
    uint64_t word = 0;
    std::memcpy(&word, text.data(), sizeof word);
    mix(word);
  }
  uint64_t rest = 0;
  std::memcpy(&rest, text.data(), text.size());
  mix(rest);
}

void history::add(const event& what) {
  ++count_;
  mix(static_cast<uint64_t>(what.at.count()));
  mix(what.node);
  mix(what.what);
  for (const log_field& field : what.fields) {
    mix(field.key);
    std::visit(
        [this](const auto& value) {
          using kind = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<kind, std::string_view>) {
            mix(value);
          } else if constexpr (std::is_same_v<kind, double>) {
            mix(std::bit_cast<uint64_t>(value));
          } else {
            mix(static_cast<uint64_t>(value));
          }
        },
        field.value);
  }
  if (reader_) reader_(what);
}

}  // namespace troupe::simulation
