// What the gateway counts, as events: implemented with Prometheus where the process is put together, by nothing in
// tests.
#pragma once

#include <cstdint>
#include <string_view>

#include "actors/request/answer.hpp"
#include "base/clock.hpp"

namespace troupe {

/// The fixed list of routes: what metrics and logs call a request by.
enum class route : uint8_t { chat_completions, completions, embeddings, models, live, ready, health, metrics, unknown };

/// "chat_completions"
constexpr std::string_view name(route which) {
  constexpr std::string_view names[] = {"chat_completions", "completions", "embeddings", "models", "live", "ready",
                                        "health",           "metrics",     "unknown"};
  return names[static_cast<size_t>(which)];
}

/// Methods never block for long and never throw. Any thread.
class gateway_metrics {
 public:
  virtual ~gateway_metrics() = default;

  virtual void connection_opened() = 0;
  virtual void connection_closed() = 0;
  /// Before it asked anything. `reason`: "connections" or "address" (the limit that was reached).
  virtual void connection_refused(std::string_view reason) = 0;

  /// The last byte was written, or the client is gone (`status` 499). `took`: since the head had arrived.
  virtual void request_finished(route which, int status, duration took) = 0;

  /// A choice's first piece of text, since the request had arrived. Once per request.
  virtual void first_token(route which, duration since_arrival) = 0;
  /// Every choice finished. `generating`: from the first piece to the end, in which all tokens but the first were made.
  virtual void generation_finished(route which, const answer_usage& usage, duration generating) = 0;
  /// It ended before its last byte was written. `reason`: "disconnected", "slow_client", or "stopped" by the server.
  virtual void generation_cancelled(route which, std::string_view reason) = 0;
};

/// Counts nothing; for tests.
gateway_metrics& null_gateway_metrics();

}  // namespace troupe
