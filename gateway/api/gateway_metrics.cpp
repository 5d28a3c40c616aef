#include "gateway/api/gateway_metrics.hpp"

namespace troupe {
namespace {

class no_metrics final : public gateway_metrics {
 public:
  void connection_opened() override {}
  void connection_closed() override {}
  void connection_refused(std::string_view) override {}
  void request_finished(route, int, duration) override {}
  void first_token(route, duration) override {}
  void generation_finished(route, const answer_usage&, duration) override {}
  void generation_cancelled(route, std::string_view) override {}
};

}  // namespace

gateway_metrics& null_gateway_metrics() {
  static no_metrics metrics;  // Without state, so it is no singleton that anything could depend on.
  return metrics;
}

}  // namespace troupe
