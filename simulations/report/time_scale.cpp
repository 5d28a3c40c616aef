#include "simulations/report/time_scale.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::simulation {
namespace {

using std::chrono::milliseconds;

constexpr int pixels_a_second = 9, pixels_min = 960, pixels_max = 4800;

}  // namespace

time_scale::time_scale(duration from, duration to) : from_(from) {
  // Some room for the last moment.
  const duration length = std::max<duration>(to - from, milliseconds(100));
  to_ = from + length + length / 50;
  pixels_ =
      static_cast<int>(std::clamp<int64_t>(length / milliseconds(1) * pixels_a_second / 1000, pixels_min, pixels_max));
}

int64_t time_scale::part(duration at) const {
  const duration inside = std::clamp(at, from_, to_) - from_;
  return std::llround(static_cast<double>(inside.count()) / static_cast<double>((to_ - from_).count()) *
                      static_cast<double>(parts));
}

std::string time_scale::percent(int64_t part) {
  const std::string rest = std::to_string(part % 10'000);
  return std::to_string(part / 10'000) + '.' + std::string(4 - rest.size(), '0') + rest + '%';
}

duration time_scale::step(double pixels_apart) const {
  const double least = pixels_apart / pixels_ * static_cast<double>((to_ - from_).count());
  duration decade = milliseconds(1);
  while (true) {
    for (const int times : {1, 2, 5})
      if (static_cast<double>((decade * times).count()) >= least) return decade * times;
    decade *= 10;
  }
}

size_t row_packer::place(double begin, double end) {
  const auto free = std::ranges::find_if(ends_, [begin](double taken) { return taken <= begin; });
  if (free == ends_.end()) {
    ends_.push_back(end);
    return ends_.size() - 1;
  }
  *free = end;
  return static_cast<size_t>(free - ends_.begin());
}

}  // namespace troupe::simulation
