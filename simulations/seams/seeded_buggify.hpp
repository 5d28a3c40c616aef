// At which points of the code a run makes the unusual happen, and how often.
#pragma once

#include <array>
#include <utility>
#include <vector>

#include "base/buggify.hpp"
#include "simulations/world/world.hpp"

namespace troupe::simulation {

struct buggify_habit {
  buggify_point which{};
  double probability = 0;
};

/// While it lives, the source of its thread. The event buggify.happened {point} tells the first time of each.
class seeded_buggify final : public buggify_source {
 public:
  seeded_buggify(world& where, const std::vector<buggify_habit>& habits)
      : world_(where), random_(where.seed(), drawn_by::buggify) {
    for (const buggify_habit& each : habits) probability_.at(static_cast<size_t>(each.which)) = each.probability;
    of_this_thread = this;
  }
  ~seeded_buggify() override { of_this_thread = nullptr; }
  seeded_buggify(const seeded_buggify&) = delete;
  seeded_buggify& operator=(const seeded_buggify&) = delete;

  bool happens(buggify_point which) override {
    const auto number = static_cast<size_t>(which);
    if (probability_.at(number) == 0 || !random_.chance(probability_.at(number))) return false;
    if (!std::exchange(happened_.at(number), true)) world_.note("", "buggify.happened", {{"point", name(which)}});
    return true;
  }

 private:
  world& world_;
  seeded_random random_;
  std::array<double, buggify_points> probability_{};
  std::array<bool, buggify_points> happened_{};
};

}  // namespace troupe::simulation
