#include "simulations/report/record.hpp"

#include <algorithm>

namespace troupe::simulation {

void record::read(const event& what) {
  if (bound_ == 0) {
    ++left_out_;
    return;
  }
  if (kept_.size() == bound_) {
    kept_.pop_front();
    ++left_out_;
  }
  size_t bytes = what.node.size() + what.what.size();
  for (const log_field& field : what.fields) {
    bytes += field.key.size();
    if (const auto* text = std::get_if<std::string_view>(&field.value)) bytes += text->size();
  }

  kept& its = kept_.emplace_back();
  its.text = std::make_unique<char[]>(bytes);
  char* end = its.text.get();
  const auto copy_of = [&end](std::string_view text) {
    const std::string_view copy(end, text.size());
    end = std::copy(text.begin(), text.end(), end);
    return copy;
  };
  its.fields.assign(what.fields.begin(), what.fields.end());
  for (log_field& field : its.fields) {
    field.key = copy_of(field.key);
    if (auto* text = std::get_if<std::string_view>(&field.value)) *text = copy_of(*text);
  }
  its.what = {what.at, copy_of(what.node), copy_of(what.what), its.fields, what.level};
}

}  // namespace troupe::simulation
