#include "simulations/world/history.hpp"

#include <bit>
#include <cstring>

namespace troupe::simulation {

std::string_view event::text(std::string_view key) const {
  for (const log_field& field : fields) {
    const auto* value = field.key == key ? std::get_if<std::string_view>(&field.value) : nullptr;
    if (value != nullptr) return *value;
  }
  return {};
}

uint64_t event::number(std::string_view key) const {
  for (const log_field& field : fields) {
    if (field.key != key) continue;
    if (const auto* value = std::get_if<uint64_t>(&field.value)) return *value;
    if (const auto* value = std::get_if<int64_t>(&field.value)) return *value < 0 ? 0 : static_cast<uint64_t>(*value);
    if (const auto* value = std::get_if<bool>(&field.value)) return *value ? 1 : 0;
  }
  return 0;
}

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

void history::add(duration at, std::string_view node, std::string_view what, std::initializer_list<log_field> fields,
                  log_level level) {
  ++count_;
  mix(static_cast<uint64_t>(at.count()));
  mix(node);
  mix(what);
  mix(static_cast<uint64_t>(level));
  for (const log_field& field : fields) {
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
  if (reader_) reader_({at, node, what, {fields.begin(), fields.size()}, level});
}

}  // namespace troupe::simulation
